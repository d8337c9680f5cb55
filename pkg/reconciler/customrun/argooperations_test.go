package customrun

import (
	"context"
	"fmt"

	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	argoapi "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (s *argoServer) Sync(_ context.Context, r *applicationpkg.ApplicationSyncRequest) (*argoapi.Application, error) {
	s = s.of(r.GetName())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onSync != nil {
		s.onSync()
	}
	switch err := s.syncErr; {
	case err != nil:
		s.syncErr = nil
		return nil, err
	case s.windowClosed:
		return nil, status.Error(codes.PermissionDenied, "cannot sync: blocked by sync window")
	}
	for _, info := range r.Infos {
		if info.Name == "Tekton-CustomRun-UID" {
			s.syncs = append(s.syncs, info.Value)
		}
	}
	s.operated = &argoapi.OperationState{
		Phase: "Running", Message: "Sync operation blocked by sync window", StartedAt: metav1.Now(),
		Operation: argoapi.Operation{Sync: &argoapi.SyncOperation{}, Info: r.Infos, InitiatedBy: argoapi.OperationInitiator{Username: "pipeline"}},
	}
	if !s.held {
		s.goOn()
	}
	return s.application(), nil
}

// goOn carries the operation out. It is called with mu held.
func (s *argoServer) goOn() {
	tip, now := s.git.tip(), metav1.Now()
	s.compared = tip
	s.operated.Phase, s.operated.Message, s.operated.FinishedAt = "Succeeded", "successfully synced", &now
	s.operated.SyncResult = &argoapi.SyncOperationResult{Revision: tip}
	if s.syncFails != "" {
		s.operated.Phase, s.operated.Message = "Failed", s.syncFails
		return
	}
	s.deployed = tip
	s.history = append(s.history, argoapi.RevisionHistory{ID: int64(len(s.history)), Revision: tip, DeployedAt: now})
}

// foreign begins an operation of somebody else, which does not end by itself.
func (s *argoServer) foreign() {
	s.operated = &argoapi.OperationState{
		Phase: "Running", Message: "waiting for completion of hook batch/Job/migrate", StartedAt: metav1.NewTime(testStart),
		Operation: argoapi.Operation{Sync: &argoapi.SyncOperation{}, InitiatedBy: argoapi.OperationInitiator{Username: "admin"}},
	}
}

func (s *argoServer) TerminateOperation(_ context.Context, r *applicationpkg.OperationTerminateRequest) (*applicationpkg.OperationTerminateResponse, error) {
	s = s.of(r.GetName())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.terminated++
	if now := metav1.Now(); !s.unstoppable {
		s.operated.Phase, s.operated.Message, s.operated.FinishedAt = "Failed", "Operation terminated", &now
	}
	return &applicationpkg.OperationTerminateResponse{}, nil
}

func (s *argoServer) RunResourceAction(_ context.Context, r *applicationpkg.ResourceActionRunRequest) (*applicationpkg.ApplicationResponse, error) {
	s = s.of(r.GetName())
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.noRestart:
		return nil, status.Errorf(codes.PermissionDenied, "permission denied: applications, action/%s/%s/restart, default/%s, sub: pipeline", r.GetGroup(), r.GetKind(), s.name)
	case r.GetResourceName() != "server":
		return nil, status.Errorf(codes.InvalidArgument, "%s %s %s not found as part of application %s", r.GetKind(), r.GetGroup(), r.GetResourceName(), s.name)
	}
	if s.onRestart != nil {
		s.onRestart()
	}
	at := fmt.Sprintf("2026-03-02T10:00:%02dZ", len(s.restarted)+1)
	if s.restartedAt != nil {
		at = s.restartedAt()
	}
	s.restarted = append(s.restarted, at)
	return &applicationpkg.ApplicationResponse{}, nil
}
