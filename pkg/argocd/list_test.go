package argocd

import (
	"context"
	"testing"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"
)

func TestList(t *testing.T) {
	apps := func(of ...[2]string) []v1alpha1.Application {
		var all []v1alpha1.Application
		for _, a := range of {
			one := testApp(a[0], "")
			one.Name = a[1]
			all = append(all, *one)
		}
		return all
	}
	labels := map[string]string{"team": "shop", "env": "dev"}
	for _, tt := range []struct {
		name     string
		selector Selector
		listed   []v1alpha1.Application
		want     []App
		wantErr  error
		says     string
	}{
		{name: "sorted by namespace and name", selector: Selector{MatchLabels: labels}, listed: apps([2]string{"team", "a"}, [2]string{"argocd", "b"}, [2]string{"argocd", "a"}),
			want: []App{{Name: "a", Namespace: "argocd", Project: "default"}, {Name: "b", Namespace: "argocd", Project: "default"}, {Name: "a", Namespace: "team", Project: "default"}}},
		{name: "none", selector: Selector{MatchLabels: labels, Namespace: "team", Project: "apps"}, wantErr: ErrNotFound, says: "none in namespace team of project apps has the labels env=dev,team=shop, or this account may not get it"},
		{name: "too many", selector: Selector{MatchLabels: labels}, listed: apps([2]string{"n", "a"}, [2]string{"n", "b"}, [2]string{"n", "c"}, [2]string{"n", "d"}), wantErr: ErrSelector, says: "4 applications have the labels env=dev,team=shop, at most 3 are allowed"},
		{name: "no labels", wantErr: ErrSelector, says: "would be every application"},
		{name: "no label", selector: Selector{MatchLabels: map[string]string{"a b": "c"}}, wantErr: ErrSelector, says: "a b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := plain(t, &fakeArgoCD{listed: tt.listed}).List(context.Background(), tt.selector, 3)
			sameErr(t, err, tt.wantErr, tt.says)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	f := &fakeArgoCD{listed: apps([2]string{"team", "a"})}
	c := plain(t, f)
	if _, err := c.List(context.Background(), Selector{MatchLabels: labels, Namespace: "team", Project: "apps"}, 3); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"env=dev,team=shop", "team", "apps"}, []string{f.listReq.GetSelector(), f.listReq.GetAppNamespace(), f.listReq.GetProject()[0]}); diff != "" {
		t.Error(diff)
	}
	f.tokens = nil
	_, err := c.List(context.Background(), Selector{MatchLabels: labels}, 3)
	sameErr(t, err, ErrUnauthenticated)
}
