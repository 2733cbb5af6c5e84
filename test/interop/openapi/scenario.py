"""What a client generated from the OpenAPI document does against one server.

usage: scenario.py URL

The package armada_rest_client lies on the path. It ends with a traceback when the
server does not answer as the document says.
"""

import json
import sys

from armada_rest_client import Client
from armada_rest_client.api.jobs import get_job_details, get_job_status
from armada_rest_client.api.submit import (
    cancel_jobs,
    create_queue,
    delete_queue,
    get_queue,
    submit_jobs,
    update_queue,
)
from armada_rest_client.models import (
    CancellationResult,
    Container,
    Error,
    EventStreamMessageLine,
    JobCancelRequest,
    JobDetailsRequest,
    JobSetRequest,
    JobState,
    JobStatusRequest,
    JobSubmitRequest,
    JobSubmitRequestItem,
    PodSpec,
    Queue,
    ResourceRequirements,
    ResourceRequirementsLimits,
    ResourceRequirementsRequests,
)
from armada_rest_client.types import UNSET

QUEUE = "generated"
JOB_SET = "first"


def item(*command, client_id=UNSET):
    """A job that runs a command and needs little."""
    needs = {"cpu": "100m", "memory": "32Mi"}
    resources = ResourceRequirements(
        requests=ResourceRequirementsRequests.from_dict(needs),
        limits=ResourceRequirementsLimits.from_dict(needs),
    )
    container = Container(
        name="main", image="busybox", command=list(command), resources=resources
    )
    pod = PodSpec(containers=[container], termination_grace_period_seconds=1)
    return JobSubmitRequestItem(
        namespace="default", priority=1, pod_specs=[pod], client_id=client_id
    )


def events(client, watch):
    """The events of the job set, each as soon as its line is there."""
    http = client.get_httpx_client()
    body = JobSetRequest(watch=watch).to_dict()
    with http.stream("POST", f"/v1/job-set/{QUEUE}/{JOB_SET}", json=body) as answer:
        assert answer.status_code == 200, answer.status_code
        for text in answer.iter_lines():
            line = EventStreamMessageLine.from_dict(json.loads(text))
            assert line.error is UNSET, line.error
            yield line.result


def kind_of(event):
    """The one member of a message that is set."""
    (kind,) = event.message.to_dict()
    return kind


def queues(client):
    created = create_queue.sync_detailed(
        client=client, body=Queue(name=QUEUE, priority_factor=2.0)
    )
    assert created.status_code == 200, created
    again = create_queue.sync(client=client, body=Queue(name=QUEUE, priority_factor=2.0))
    assert isinstance(again, Error) and again.code == 6, again
    queue = get_queue.sync(name=QUEUE, client=client)
    assert isinstance(queue, Queue) and queue.priority_factor == 2.0, queue
    queue.priority_factor = 1.0
    assert update_queue.sync_detailed(name=QUEUE, client=client, body=queue).status_code == 200
    assert get_queue.sync(name=QUEUE, client=client).priority_factor == 1.0


def jobs(client):
    body = JobSubmitRequest(
        queue=QUEUE,
        job_set_id=JOB_SET,
        job_request_items=[
            item("sh", "-c", "exit 0", client_id="one"),
            item("sleep", "600", client_id="two"),
        ],
    )
    submitted = submit_jobs.sync(client=client, body=body)
    ids = [each.job_id for each in submitted.job_response_items]
    assert len(set(ids)) == 2, ids
    repeated = submit_jobs.sync(client=client, body=body)
    assert [each.job_id for each in repeated.job_response_items] == ids, repeated
    return ids


def life(client, short, long):
    seen = {short: [], long: []}
    for event in events(client, watch=True):
        kind = kind_of(event)
        told = getattr(event.message, kind)
        seen[told.job_id].append(kind)
        if kind == "running" and told.job_id == long:
            assert told.created.tzinfo is not None, told
            cancelled = cancel_jobs.sync(
                client=client, body=JobCancelRequest(job_ids=[long], reason="enough")
            )
            assert isinstance(cancelled, CancellationResult), cancelled
            assert cancelled.cancelled_ids == [long], cancelled
        if "succeeded" in seen[short] and "cancelled" in seen[long]:
            break
    assert seen[short][:2] == ["submitted", "queued"], seen
    assert seen[short][-1] == "succeeded", seen
    # Without watching, the stream ends by itself, with the same events.
    assert sum(1 for _ in events(client, watch=False)) >= sum(map(len, seen.values()))


def lookups(client, short, long):
    status = get_job_status.sync(
        client=client, body=JobStatusRequest(job_ids=[short, long])
    )
    assert status.job_states[short] == JobState.SUCCEEDED, status
    assert status.job_states[long] == JobState.CANCELLED, status
    details = get_job_details.sync(
        client=client,
        body=JobDetailsRequest(job_ids=[short], expand_job_spec=True, expand_job_run=True),
    ).job_details[short]
    assert details.queue == QUEUE and details.jobset == JOB_SET, details
    (container,) = details.job_spec.pod_spec.containers
    assert container.resources.requests["cpu"] == "100m", container


def refusals(client):
    nowhere = submit_jobs.sync_detailed(
        client=client,
        body=JobSubmitRequest(queue="nowhere", job_set_id=JOB_SET, job_request_items=[item("true")]),
    )
    assert nowhere.status_code == 404 and nowhere.parsed.code == 5, nowhere
    assert "nowhere" in nowhere.parsed.message, nowhere
    assert nowhere.parsed.details[0].type_url.endswith("google.rpc.ErrorInfo"), nowhere
    unnamed = create_queue.sync(client=client, body=Queue(priority_factor=1.0))
    assert isinstance(unnamed, Error) and unnamed.code == 3, unnamed
    assert delete_queue.sync_detailed(name=QUEUE, client=client).status_code == 200
    gone = get_queue.sync(name=QUEUE, client=client)
    assert isinstance(gone, Error) and gone.code == 5, gone


def main(url):
    with Client(base_url=url, raise_on_unexpected_status=True) as client:
        queues(client)
        short, long = jobs(client)
        life(client, short, long)
        lookups(client, short, long)
        refusals(client)


main(sys.argv[1])
