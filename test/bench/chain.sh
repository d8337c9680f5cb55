#!/usr/bin/env bash
# The chain of pipeline tasks that a GitOpsDeploy replaces, as one script: acquire-lease, clone, update-image,
# commit-change, gitops-deploy, release-lease. It has what the tasks run and nothing of what their pods cost.
#
# The program in this directory gives it these variables, an empty working directory, the tools on PATH, and a HOME with
# git credentials. Each step writes its name and start time to file descriptor 3.
set -euo pipefail
: "${NAMESPACE:?}" "${TARGET_NAMESPACE:?}" "${REPO_URL:?}" "${BRANCH:?}" "${OVERLAY:?}" "${IMAGE:?}" "${TAG:?}"
: "${DEPLOYMENT:?}" "${APPLICATION:?}" "${ARGOCD_SERVER:?}" "${ARGOCD_AUTH_TOKEN:?}" "${KUBECONFIG:?}"

step() { printf '%s %s\n' "$EPOCHREALTIME" "$1" >&3; }

current_tag() {
  kubectl get deploy "$DEPLOYMENT" -n "$TARGET_NAMESPACE" -o jsonpath='{.spec.template.spec.containers[0].image}' | cut -d ':' -f2
}

step acquire-lease
kubectl create -n "$NAMESPACE" -f - <<LEASE
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata:
  name: chain
spec:
  holderIdentity: chain-$TAG
LEASE

step clone # Tekton's git-clone task fetches with depth 1 unless told otherwise
git clone --quiet --depth 1 --branch "$BRANCH" "$REPO_URL" source
cd source

step update-image
(cd "$OVERLAY" && kustomize edit set image "$IMAGE=$IMAGE:$TAG")

step commit-change
if git diff --exit-code; then
  echo "No changes staged, skipping add/commit"
else
  git config --global user.name "pipeline"
  git config --global user.email "pipelines@nomail.com"
  git add "$OVERLAY/kustomization.yaml"
  git commit --quiet -m "Update image in git to $IMAGE:$TAG"
  git push --quiet origin "HEAD:$BRANCH"
fi

step gitops-deploy
argocd app wait "$APPLICATION" --health
if [ "$(current_tag)" != "$TAG" ]; then
  argocd app sync "$APPLICATION" --revision "$BRANCH"
  argocd app wait "$APPLICATION" --health
fi

step rollout-status
kubectl rollout status deploy "$DEPLOYMENT" -n "$TARGET_NAMESPACE" --timeout=2m

step check-tag
live=$(current_tag)
if [ "$live" != "$TAG" ]; then
  echo "Image failed to sync, requested tag is $TAG but current tag is $live" >&2
  exit 1
fi

step release-lease
kubectl delete lease chain -n "$NAMESPACE"
