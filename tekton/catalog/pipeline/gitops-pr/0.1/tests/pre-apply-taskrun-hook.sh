#!/usr/bin/env bash
# The catalog's test runner sources this before it creates run.yaml; tns is the namespace of the test. The cluster has the
# controller of Tekton GitOps; a repository with the product catalog of this project's examples/, on GitHub, Gitea or Forgejo,
# is not part of the runner, so these say where it is:
: "${GITOPS_TEST_REPO_URL:?the manifest repository}"
: "${GITOPS_TEST_GIT_HOST:?scheme and host of it, such as https://github.com}"
: "${GITOPS_TEST_GIT_USERNAME:?an account that may push to it and open pull requests}"
: "${GITOPS_TEST_GIT_PASSWORD:?its token}"

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
kind: ConfigMap
metadata:
  name: config-gitops-defaults
data:
  repo-url: ${GITOPS_TEST_REPO_URL}
  git-secret: git-credentials
EOF
