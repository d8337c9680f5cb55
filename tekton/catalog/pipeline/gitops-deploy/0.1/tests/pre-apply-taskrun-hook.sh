#!/usr/bin/env bash
# The catalog's test runner sources this before it creates run.yaml; tns is the namespace of the test, TMPF its copy of the
# run. The cluster has the controller of Tekton GitOps; a repository with the product catalog of this project's examples/ and
# an Argo CD are not part of the runner, so these say where they are:
: "${GITOPS_TEST_REPO_URL:?the manifest repository}"
: "${GITOPS_TEST_GIT_HOST:?scheme and host of it, such as https://github.com}"
: "${GITOPS_TEST_GIT_USERNAME:?an account that may push to it}"
: "${GITOPS_TEST_GIT_PASSWORD:?its password or token}"
: "${GITOPS_TEST_ARGOCD_SERVER:?host or host:port of Argo CD}"
: "${GITOPS_TEST_ARGOCD_TOKEN:?a token that may get and sync the application}"
: "${GITOPS_TEST_ARGOCD_CA:?file with the authority of its certificate}"
: "${GITOPS_TEST_APPLICATION:?application that follows overlays/dev of the repository}"

kubectl -n "${tns}" create rolebinding tekton-gitops \
  --clusterrole tekton-gitops-tenant --serviceaccount tekton-gitops:tekton-gitops-controller
# From standard input, so that no credential stands in a command line.
kubectl -n "${tns}" create -f - <<EOF
apiVersion: v1
kind: Secret
metadata:
  name: git-credentials
  annotations:
    tekton.dev/git-0: ${GITOPS_TEST_GIT_HOST}
type: kubernetes.io/basic-auth
stringData:
  username: "${GITOPS_TEST_GIT_USERNAME}"
  password: "${GITOPS_TEST_GIT_PASSWORD}"
---
apiVersion: v1
kind: Secret
metadata:
  name: argocd-env-secret
stringData:
  ARGOCD_AUTH_TOKEN: "${GITOPS_TEST_ARGOCD_TOKEN}"
  ARGOCD_SERVER: "${GITOPS_TEST_ARGOCD_SERVER}"
  ca.crt: |
$(sed 's/^/    /' "${GITOPS_TEST_ARGOCD_CA}")
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: config-gitops-defaults
data:
  repo-url: ${GITOPS_TEST_REPO_URL}
  git-secret: git-credentials
  argocd-server: ${GITOPS_TEST_ARGOCD_SERVER}
  argocd-secret: argocd-env-secret
EOF
sed -i "s/product-catalog-dev/${GITOPS_TEST_APPLICATION}/" "${TMPF}"
