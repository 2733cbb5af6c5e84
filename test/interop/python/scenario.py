"""What armada_client can do, tried in order against one server.

usage: scenario.py sync|asyncio ADDRESS

Both of its clients have the same methods; the blocking one is made awaitable
here, so that one scenario tries both. It ends with a traceback when the server
does not answer as it should.
"""

import asyncio
import sys

import grpc
from armada_client.armada import job_pb2, submit_pb2
from armada_client.asyncio_client import ArmadaAsyncIOClient
from armada_client.client import ArmadaClient
from armada_client.k8s.io.api.core.v1 import generated_pb2 as core_v1
from armada_client.k8s.io.apimachinery.pkg.api.resource import (
    generated_pb2 as resource,
)
from armada_client.permissions import Permissions, Subject
from armada_client.typings import EventType, JobState

SERVING = 1
ENDS = {EventType.succeeded, EventType.failed, EventType.cancelled}


class Awaitable:
    """The blocking client with methods that can be awaited."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        method = getattr(self._client, name)

        async def call(*args, **kwargs):
            return method(*args, **kwargs)

        return call


class Scenario:
    """Tries one client: `client` builds requests, `calls` sends them."""

    def __init__(self, mode, client):
        self.client = client
        self.calls = client if mode == "asyncio" else Awaitable(client)
        self.queue = f"python-{mode}"

    async def run(self):
        await self.health()
        await self.queues()
        await self.permissions()
        await self.life()
        await self.outcomes()
        await self.changes()
        await self.refusals()

    async def health(self):
        assert (await self.calls.submit_health()).status == SERVING
        assert (await self.calls.event_health()).status == SERVING

    async def queues(self):
        names = [self.queue, f"{self.queue}-b", f"{self.queue}-c"]
        await self.calls.create_queue(self.client.create_queue_request(names[0], 2.0))
        assert (await self.calls.get_queue(names[0])).priority_factor == 2.0
        batch = [self.client.create_queue_request(name, 3.0) for name in names]
        created = await self.calls.create_queues(batch)
        failed = [(each.queue.name, each.error) for each in created.failed_queues]
        assert [name for name, _ in failed] == [names[0]], failed
        assert "exist" in failed[0][1], failed
        mine = [q.name for q in await self.calls.get_queues() if q.name in names]
        assert sorted(mine) == names, mine

        await self.calls.update_queue(self.client.create_queue_request(names[0], 1.0))
        assert (await self.calls.get_queue(names[0])).priority_factor == 1.0
        wanted = [*names[1:], f"{self.queue}-missing"]
        batch = [self.client.create_queue_request(name, 5.0) for name in wanted]
        updated = await self.calls.update_queues(batch)
        failed = [each.queue.name for each in updated.failed_queues]
        assert failed == [f"{self.queue}-missing"], failed
        assert (await self.calls.get_queue(names[2])).priority_factor == 5.0

        for name in names[1:]:
            await self.calls.delete_queue(name)
        mine = [q.name for q in await self.calls.get_queues() if q.name in names]
        assert mine == names[:1], mine

    async def permissions(self):
        given = [
            Permissions([Subject("Group", "team"), Subject("User", "ann")], ["submit"]),
            Permissions([Subject("User", "ben")], ["cancel", "watch"]),
        ]
        request = self.client.create_queue_request(
            self.queue, 1.0, user_owners=["ann"], permissions=given
        )
        await self.calls.update_queue(request)
        stored = await self.calls.get_queue(self.queue)
        for permission in given:
            assert permission.to_grpc() in stored.permissions, stored
        await self.calls.update_queue(self.client.create_queue_request(self.queue, 1.0))

    async def life(self):
        """A job runs to its end, and its events tell so."""
        (job_id,) = await self.submit("life", [self.item(["true"])])
        seen = [event async for event in self.events("life", {job_id})]
        kinds = [event.type.value for event in seen]
        wanted = ["submitted", "queued", "leased", "pending", "running", "succeeded"]
        assert [kind for kind in kinds if kind in wanted] == wanted, kinds
        assert all(event.message.job_id == job_id for event in seen), seen
        # A stream goes on after any of its messages.
        rest = [event async for event in self.events("life", {job_id}, seen[1].id)]
        assert [event.id for event in rest] == [event.id for event in seen[2:]]

    async def outcomes(self):
        """What is told of jobs that have ended, by their ids."""
        good, bad = self.item(["true"]), self.item(["sh", "-c", "exit 3"])
        uri = f"https://example.org/{self.queue}"
        good.annotations["armadaproject.io/externalJobUri"] = uri
        good_id, bad_id = await self.submit("outcomes", [good, bad])
        seen = await self.read("outcomes", {good_id, bad_id}, None)
        (failed,) = [e.message for e in seen if e.type == EventType.failed]
        assert [c.exitCode for c in failed.container_statuses] == [3], failed

        ended = {good_id: JobState.SUCCEEDED.value, bad_id: JobState.FAILED.value}
        answer = await self.calls.get_job_status([good_id, bad_id, "no-such-job"])
        wanted = {**ended, "no-such-job": JobState.UNKNOWN.value}
        assert dict(answer.job_states) == wanted, answer
        answer = await self.calls.get_job_status_by_external_job_uri(
            self.queue, "outcomes", uri
        )
        assert dict(answer.job_states) == {good_id: JobState.SUCCEEDED.value}, answer

        details = (await self.calls.get_job_details([good_id, bad_id])).job_details
        assert {job_id: each.state for job_id, each in details.items()} == ended
        each = details[good_id]
        assert (each.queue, each.jobset) == (self.queue, "outcomes"), each
        (run,) = each.job_runs
        assert run.run_id == each.latest_run_id, each
        answer = await self.calls.get_job_run_details([run.run_id])
        assert answer.job_run_details[run.run_id] == run, answer
        assert run.state == job_pb2.RUN_STATE_SUCCEEDED, run
        assert run.leased_ts.ToDatetime() <= run.finished_ts.ToDatetime(), run

        answer = await self.calls.get_job_errors([good_id, bad_id])
        assert "3" in answer.job_errors[bad_id], answer
        assert not answer.job_errors[good_id], answer

    async def changes(self):
        """The node holds one of these jobs at a time, so the others wait."""
        items = [self.item(["sleep", "600"]) for _ in range(4)]
        ids = await self.submit("changes", items)
        try:
            await self.change(ids)
        finally:  # Nothing is left that holds the node, also when a check fails.
            await self.calls.cancel_jobset(self.queue, "changes", [])
        gone = await self.reached("changes", EventType.cancelled, 4)
        assert {event.message.job_id for event in gone} == set(ids), gone

    async def change(self, ids):
        (event,) = await self.reached("changes", EventType.running, 1)
        assert event.message.job_id == ids[0], event

        answer = await self.calls.reprioritize_jobs(7.0, ids[2:3], "changes", self.queue)
        assert list(answer.reprioritization_results) == ids[2:3], answer
        (event,) = await self.reached("changes", EventType.reprioritized, 1)
        assert (event.message.job_id, event.message.new_priority) == (ids[2], 7.0)
        await self.calls.reprioritize_jobs(9.0, None, "changes", self.queue)
        changed = (await self.reached("changes", EventType.reprioritized, 5))[1:]
        assert {event.message.job_id for event in changed} == set(ids), changed
        assert all(event.message.new_priority == 9.0 for event in changed), changed

        cancelled = await self.calls.cancel_jobs(self.queue, "changes", ids[3])
        assert list(cancelled.cancelled_ids) == [ids[3]], cancelled
        await self.calls.cancel_jobset(self.queue, "changes", [JobState.QUEUED])
        gone = await self.reached("changes", EventType.cancelled, 3)
        assert {event.message.job_id for event in gone} == set(ids[1:]), gone

    async def refusals(self):
        request = self.client.create_queue_request(self.queue, 1.0)
        error = await self.refusal(self.calls.create_queue(request))
        assert error.code() == grpc.StatusCode.ALREADY_EXISTS, error
        assert self.queue in error.details(), error
        error = await self.refusal(self.calls.get_queue("python-nobody"))
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        assert "python-nobody" in error.details(), error
        job = self.item(["true"])
        error = await self.refusal(self.calls.submit_jobs("python-nobody", "set", [job]))
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        empty = submit_pb2.JobSubmitRequestItem(priority=1.0)
        submitted = self.calls.submit_jobs(self.queue, "set", [job, empty])
        error = await self.refusal(submitted)
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        assert "pod_spec" in error.details(), error
        missing = self.read("missing", set(), None)
        error = await self.refusal(missing)
        assert error.code() == grpc.StatusCode.NOT_FOUND, error

    def item(self, command):
        needs = {
            "cpu": resource.Quantity(string="1"),
            "memory": resource.Quantity(string="16Mi"),
        }
        container = core_v1.Container(
            name="main",
            image="none",
            command=command,
            resources=core_v1.ResourceRequirements(requests=needs, limits=needs),
        )
        spec = core_v1.PodSpec(
            containers=[container], terminationGracePeriodSeconds=1
        )
        return self.client.create_job_request_item(
            priority=1.0, pod_specs=[spec], namespace="default"
        )

    async def submit(self, job_set, items):
        answer = await self.calls.submit_jobs(self.queue, job_set, items)
        assert not any(each.error for each in answer.job_response_items), answer
        return [each.job_id for each in answer.job_response_items]

    async def events(self, job_set, waiting_for, after=None):
        """Events until each of the jobs has ended."""
        left = set(waiting_for)
        stream = await self.calls.get_job_events_stream(self.queue, job_set, after)
        try:
            async for message in each_of(stream):
                event = self.client.unmarshal_event_response(message)
                yield event
                if event.type in ENDS:
                    left.discard(event.message.job_id)
                if not left:
                    return
        finally:
            self.client.unwatch_events(stream)

    async def read(self, job_set, waiting_for, after):
        return [event async for event in self.events(job_set, waiting_for, after)]

    async def reached(self, job_set, kind, count):
        """The first events of a kind, as soon as there are so many."""
        found = []
        async for event in self.events(job_set, {"none ends the stream"}):
            if event.type == kind:
                found.append(event)
            if len(found) == count:
                return found
        raise AssertionError(f"the stream ended with {found}")

    async def refusal(self, work):
        try:
            answer = await work
        except grpc.RpcError as error:
            return error
        raise AssertionError(f"it was not refused: {answer}")


async def each_of(stream):
    if hasattr(stream, "__aiter__"):
        async for message in stream:
            yield message
    else:
        for message in stream:
            yield message


async def main(mode, address):
    gzip = grpc.Compression.Gzip
    if mode == "asyncio":
        async with grpc.aio.insecure_channel(address, compression=gzip) as channel:
            await Scenario(mode, ArmadaAsyncIOClient(channel)).run()
    else:
        with grpc.insecure_channel(address, compression=gzip) as channel:
            await Scenario(mode, ArmadaClient(channel)).run()


asyncio.run(main(*sys.argv[1:]))
