// What programs in Go do with a server: queues, jobs, events, and the exchange
// by which a Go executor leases and reports. Every call is compressed and waits
// for the server, as those of Armada's own Go client do.
//
// usage: interop ADDRESS
//
// Started before the server is: it prints "waiting" once it has found nobody
// there, and "done" when everything went as it should.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/armada-ts/armada-ts/test/interop/go/generated/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
)

const (
	queue  = "go"
	jobSet = "interop"
)

func main() {
	log.SetFlags(log.Lshortfile)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	conn, err := grpc.NewClient(os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.UseCompressor(gzip.Name), grpc.WaitForReady(true)))
	must(err)
	defer conn.Close()

	conn.Connect()
	for state := conn.GetState(); state != connectivity.TransientFailure; state = conn.GetState() {
		if !conn.WaitForStateChange(ctx, state) {
			log.Fatalf("the connection stays %v without a server", state)
		}
	}
	fmt.Println("waiting")

	queues := api.NewQueueServiceClient(conn)
	_, err = queues.CreateQueue(ctx, &api.Queue{Name: queue, PriorityFactor: 1})
	must(err)
	_, err = queues.CreateQueue(ctx, &api.Queue{Name: queue, PriorityFactor: 1})
	refused(err, codes.AlreadyExists)

	submit := api.NewSubmitClient(conn)
	badSubmit(ctx, submit)
	jobs := newJobs(ctx, conn)
	jobs.submit(3)
	executor := newExecutor(ctx, conn)
	executor.leaseUntilHeld(3)

	first, second, third := jobs.ids[0], jobs.ids[1], jobs.ids[2]
	executor.runToEnd(first)
	jobs.await(first, "succeeded")
	jobs.checkOutcome(first, executor.held[first].JobRunId)
	jobs.reprioritize(second)
	jobs.cancel(second)
	executor.leaseUntilToldToStop(second)
	jobs.cancelSet()
	executor.leaseUntilToldToStop(third)
	fmt.Println("done")
}

// badSubmit reads the faults of a submit from the details of its status, where
// Armada's Go client looks for them.
func badSubmit(ctx context.Context, client api.SubmitClient) {
	_, err := client.SubmitJobs(ctx, &api.JobSubmitRequest{
		Queue:           queue,
		JobSetId:        jobSet,
		JobRequestItems: []*api.JobSubmitRequestItem{item(), {Priority: 1}},
	})
	refused(err, codes.InvalidArgument)
	for _, detail := range status.Convert(err).Details() {
		response, ok := detail.(*api.JobSubmitResponse)
		if !ok {
			continue
		}
		for _, each := range response.JobResponseItems {
			if each.Error != "" {
				return
			}
		}
	}
	log.Fatalf("no item's error in the details of %v", err)
}

func must(err error) {
	if err != nil {
		log.Output(2, err.Error())
		os.Exit(1)
	}
}

func refused(err error, code codes.Code) {
	if status.Code(err) != code {
		log.Output(2, fmt.Sprintf("wanted %v, got %v", code, err))
		os.Exit(1)
	}
}
