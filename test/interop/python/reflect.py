"""What a tool such as grpcurl does, with the packages of the gRPC project.

usage: reflect.py ADDRESS

It knows nothing of Armada: services, methods and messages come from the server.
"""

import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

WANTED = ["api.Submit", "api.QueueService", "api.Event"]


def call(channel, pool, service, method, **fields):
    """Calls a method with one answer."""
    described = pool.FindServiceByName(service).FindMethodByName(method)
    request = GetMessageClass(described.input_type)(**fields)
    answer = GetMessageClass(described.output_type)
    return channel.unary_unary(
        f"/{service}/{method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )(request, timeout=10)


def main(address):
    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = database.get_services()
        assert set(WANTED) <= set(services), services
        pool = DescriptorPool(database)
        for service in services:
            assert pool.FindServiceByName(service).methods, service
        pod = pool.FindMessageTypeByName("k8s.io.api.core.v1.PodSpec")
        assert pod.fields_by_name["containers"].number == 2

        name = "from-reflection"
        call(channel, pool, "api.QueueService", "CreateQueue", name=name, priority_factor=2)
        queue = call(channel, pool, "api.QueueService", "GetQueue", name=name)
        assert (queue.name, queue.priority_factor) == (name, 2), queue

        health = health_pb2_grpc.HealthStub(channel)
        for service in ["", *WANTED]:
            request = health_pb2.HealthCheckRequest(service=service)
            assert health.Check(request, timeout=10).status == health_pb2.HealthCheckResponse.SERVING
            assert next(health.Watch(request, timeout=10)).status == health_pb2.HealthCheckResponse.SERVING
    print(f"{' '.join(WANTED)}: found, called, serving")


main(*sys.argv[1:])
