package main

import (
	"context"
	"log"
	"slices"

	"github.com/armada-ts/armada-ts/test/interop/go/generated/api"
	corev1 "github.com/armada-ts/armada-ts/test/interop/go/generated/k8s/io/api/core/v1"
	"github.com/armada-ts/armada-ts/test/interop/go/generated/k8s/io/apimachinery/pkg/api/resource"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// jobs is a user of one job set, and what its event stream has told so far.
type jobs struct {
	ctx    context.Context
	client api.SubmitClient
	events api.EventClient
	query  api.JobsClient
	stream grpc.ServerStreamingClient[api.EventStreamMessage]
	ids    []string
	seen   map[string][]string // kinds of events by job id
}

func newJobs(ctx context.Context, conn *grpc.ClientConn) *jobs {
	return &jobs{
		ctx:    ctx,
		client: api.NewSubmitClient(conn),
		events: api.NewEventClient(conn),
		query:  api.NewJobsClient(conn),
		seen:   map[string][]string{},
	}
}

func (j *jobs) submit(count int) {
	items := make([]*api.JobSubmitRequestItem, count)
	for i := range items {
		items[i] = item()
	}
	response, err := j.client.SubmitJobs(j.ctx, &api.JobSubmitRequest{
		Queue: queue, JobSetId: jobSet, JobRequestItems: items,
	})
	must(err)
	for _, each := range response.JobResponseItems {
		j.ids = append(j.ids, each.JobId)
	}
	j.stream, err = j.events.GetJobSetEvents(j.ctx, &api.JobSetRequest{
		Queue: queue, Id: jobSet, Watch: true, ErrorIfMissing: true,
	})
	must(err)
}

// await reads the stream until it has told of an event of a job.
func (j *jobs) await(id, kind string) {
	for !slices.Contains(j.seen[id], kind) {
		message, err := j.stream.Recv()
		must(err)
		of, what := describe(message.Message)
		j.seen[of] = append(j.seen[of], what)
	}
}

// checkOutcome looks up a job that has succeeded in one run.
func (j *jobs) checkOutcome(id, run string) {
	states, err := j.query.GetJobStatus(j.ctx, &api.JobStatusRequest{JobIds: []string{id}})
	must(err)
	if states.JobStates[id] != api.JobState_SUCCEEDED {
		log.Fatalf("wanted %s succeeded, got %v", id, states)
	}
	details, err := j.query.GetJobDetails(j.ctx, &api.JobDetailsRequest{
		JobIds: []string{id}, ExpandJobSpec: true, ExpandJobRun: true,
	})
	must(err)
	job := details.JobDetails[id]
	if job.GetState() != api.JobState_SUCCEEDED || job.Queue != queue || job.Jobset != jobSet ||
		job.JobSpec.GetPodSpec().GetContainers()[0].GetName() != "main" ||
		len(job.JobRuns) != 1 || job.JobRuns[0].RunId != run ||
		job.JobRuns[0].State != api.JobRunState_RUN_STATE_SUCCEEDED {
		log.Fatalf("wanted %s succeeded by run %s, got %v", id, run, job)
	}
}

func (j *jobs) reprioritize(id string) {
	response, err := j.client.ReprioritizeJobs(j.ctx, &api.JobReprioritizeRequest{
		Queue: queue, JobSetId: jobSet, JobIds: []string{id}, NewPriority: 7,
	})
	must(err)
	if _, ok := response.ReprioritizationResults[id]; !ok {
		log.Fatalf("%s is not among the reprioritised: %v", id, response)
	}
	j.await(id, "reprioritized")
}

func (j *jobs) cancel(id string) {
	response, err := j.client.CancelJobs(j.ctx, &api.JobCancelRequest{
		Queue: queue, JobSetId: jobSet, JobIds: []string{id}, Reason: "no longer needed",
	})
	must(err)
	if !slices.Equal(response.CancelledIds, []string{id}) {
		log.Fatalf("wanted %s cancelled, got %v", id, response)
	}
	j.await(id, "cancelled")
}

// cancelSet cancels all that is left of the job set, which is its last job.
func (j *jobs) cancelSet() {
	_, err := j.client.CancelJobSet(j.ctx, &api.JobSetCancelRequest{Queue: queue, JobSetId: jobSet})
	must(err)
	j.await(j.ids[len(j.ids)-1], "cancelled")
}

// describe tells the job of an event, and the name of the field it came in.
func describe(message *api.EventMessage) (id, kind string) {
	reflected := message.ProtoReflect()
	field := reflected.WhichOneof(reflected.Descriptor().Oneofs().ByName("events"))
	event := reflected.Get(field).Message()
	return event.Get(event.Descriptor().Fields().ByName("job_id")).String(), string(field.Name())
}

func item() *api.JobSubmitRequestItem {
	needs := quantities("1", "64Mi")
	return &api.JobSubmitRequestItem{
		Priority:  1,
		Namespace: "default",
		PodSpecs: []*corev1.PodSpec{{
			Containers: []*corev1.Container{{
				Name:      proto.String("main"),
				Image:     proto.String("none"),
				Command:   []string{"true"},
				Resources: &corev1.ResourceRequirements{Requests: needs, Limits: needs},
			}},
		}},
	}
}

func quantities(cpu, memory string) map[string]*resource.Quantity {
	return map[string]*resource.Quantity{
		"cpu":    {String_: proto.String(cpu)},
		"memory": {String_: proto.String(memory)},
	}
}
