// Package setup plans, and makes, what a namespace needs to deploy: the RoleBinding, the Secret for git and its link to a
// ServiceAccount, the defaults, the account of Argo CD with its rights, and the Secret with its token.
//
// Promises:
//   - A plan is a pure function of what there is and what is wanted. Planning twice gives the same, and once a plan was
//     applied the next one changes nothing.
//   - What is not ours stays as it is: other keys, annotations, labels, subjects, links, and every other byte of policy.csv.
//   - An object is updated only in the state that the plan has seen. If somebody was faster, Apply fails and has not
//     written that object.
//   - A Secret that is bound to a host is not bound to another one.
//   - What a plan shows holds no value of a Secret.
//
// It does not promise that a plan is applied as a whole: Apply stops at the first object that cannot be written. Planning
// again goes on from there.
package setup
