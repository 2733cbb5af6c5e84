package main

import (
	"context"
	"errors"
	"io"
	"log"
	"slices"
	"time"

	"github.com/armada-ts/armada-ts/test/interop/go/generated/api"
	"github.com/armada-ts/armada-ts/test/interop/go/generated/armadaevents"
	"github.com/armada-ts/armada-ts/test/interop/go/generated/executorapi"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// executor offers one node and keeps the leases it got. It asks as Armada's
// executor does: one request on a stream of its own, read to the end.
type executor struct {
	ctx    context.Context
	client executorapi.ExecutorApiClient
	held   map[string]*executorapi.JobRunLease // by job id
	states map[string]api.JobState             // by run id
}

func newExecutor(ctx context.Context, conn *grpc.ClientConn) *executor {
	return &executor{
		ctx:    ctx,
		client: executorapi.NewExecutorApiClient(conn),
		held:   map[string]*executorapi.JobRunLease{},
		states: map[string]api.JobState{},
	}
}

// exchange is one round: leases are kept, and the ids of runs to stop returned.
func (e *executor) exchange() (stop []string) {
	stream, err := e.client.LeaseJobRuns(e.ctx)
	must(err)
	capacity := quantities("4", "8Gi")
	must(stream.Send(&executorapi.LeaseRequest{
		ExecutorId:     "go",
		Pool:           "default",
		MaxJobsToLease: 10,
		Nodes: []*executorapi.NodeInfo{{
			Name:                 "go-0",
			Pool:                 "default",
			TotalResources:       capacity,
			AllocatableResources: capacity,
			AvailableResources:   capacity,
			RunIdsByState:        e.states,
		}},
	}))
	must(stream.CloseSend())
	ended := false
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		must(err)
		switch event := message.Event.(type) {
		case *executorapi.LeaseStreamMessage_Lease:
			e.held[event.Lease.Job.JobId] = event.Lease
			e.states[event.Lease.JobRunId] = api.JobState_LEASED
		case *executorapi.LeaseStreamMessage_CancelRuns:
			stop = append(stop, event.CancelRuns.JobRunIdsToCancel...)
		case *executorapi.LeaseStreamMessage_End:
			ended = true
		}
	}
	if !ended {
		log.Fatal("a lease stream ended without its end marker")
	}
	return stop
}

func (e *executor) leaseUntilHeld(count int) {
	for len(e.held) < count {
		e.exchange()
		e.pause()
	}
	for _, lease := range e.held {
		containers := lease.Job.GetMainObject().GetPodSpec().GetPodSpec().GetContainers()
		if lease.Queue != queue || lease.Jobset != jobSet || len(containers) != 1 {
			log.Fatalf("a lease that was not submitted: %v", lease)
		}
	}
}

func (e *executor) leaseUntilToldToStop(id string) {
	run := e.held[id].JobRunId
	for !slices.Contains(e.exchange(), run) {
		e.pause()
	}
	delete(e.states, run)
}

// runToEnd reports a leased run as assigned to a pod, running and succeeded.
func (e *executor) runToEnd(id string) {
	run := e.held[id].JobRunId
	e.report(id, &armadaevents.EventSequence_Event{Event: &armadaevents.EventSequence_Event_JobRunAssigned{
		JobRunAssigned: &armadaevents.JobRunAssigned{JobId: id, RunId: run},
	}})
	e.report(id, &armadaevents.EventSequence_Event{Event: &armadaevents.EventSequence_Event_JobRunRunning{
		JobRunRunning: &armadaevents.JobRunRunning{JobId: id, RunId: run},
	}})
	e.report(id, &armadaevents.EventSequence_Event{Event: &armadaevents.EventSequence_Event_JobRunSucceeded{
		JobRunSucceeded: &armadaevents.JobRunSucceeded{JobId: id, RunId: run},
	}})
	delete(e.states, run)
}

func (e *executor) report(id string, event *armadaevents.EventSequence_Event) {
	event.Created = timestamppb.Now()
	lease := e.held[id]
	_, err := e.client.ReportEvents(e.ctx, &executorapi.EventList{Events: []*armadaevents.EventSequence{{
		Queue:      lease.Queue,
		JobSetName: lease.Jobset,
		UserId:     lease.User,
		Events:     []*armadaevents.EventSequence_Event{event},
	}}})
	must(err)
}

// pause waits before the next exchange; Armada's executor waits 5 s.
func (e *executor) pause() {
	time.Sleep(100 * time.Millisecond)
}
