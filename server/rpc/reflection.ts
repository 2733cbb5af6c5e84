/**
 * Tells tools which services there are and what their messages look like. The
 * descriptors are loaded with the first question: few are ever asked.
 */
import { services as describedServices } from '@armada-ts/api/es/services';
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionService,
} from '@armada-ts/api/grpc/reflection/v1/reflection';
import { ServerReflectionService as ServerReflectionServiceAlpha } from '@armada-ts/api/grpc/reflection/v1alpha/reflection';
import { createRegistry, type DescFile, type Registry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { bidiStream, type Methods } from '../door/method.ts';

export const reflectionDefinition = ServerReflectionService;
/** Older tools know it by this name only; what is said is the same. */
export const reflectionAlphaDefinition = ServerReflectionServiceAlpha;

type Question = NonNullable<ServerReflectionRequest['messageRequest']>;
type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/** @param names of the services that there are, in full */
export function reflectionService(names: readonly string[]): Methods {
  let loading: Promise<Described> | undefined;
  return {
    serverReflectionInfo: bidiStream<ServerReflectionRequest, ServerReflectionResponse>(
      'authenticated',
      async (requests, send) => {
        const described = await (loading ??= describe(names));
        const sent = new Set<DescFile>();
        for await (const request of requests) {
          const { host: validHost, messageRequest: question } = request;
          const messageResponse = question && (answerTo(question, described, sent) ?? notFound(question));
          await send({
            validHost,
            originalRequest: request,
            messageResponse: messageResponse ?? refusal(status.INVALID_ARGUMENT, 'the request asks nothing'),
          });
        }
      },
    ),
  };
}

interface Described {
  services: readonly string[];
  /** By name, those of the services and what they import. */
  files: ReadonlyMap<string, DescFile>;
  registry: Registry;
}

async function describe(names: readonly string[]): Promise<Described> {
  const files = new Map<string, DescFile>();
  const add = (file: DescFile): void => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    file.dependencies.forEach(add);
  };
  for (const service of await Promise.all(names.map(async (name) => describedServices[name]?.()))) {
    if (service) add(service.file);
  }
  return { services: names, files, registry: createRegistry(...files.values()) };
}

/** Undefined when there is nothing of that name. */
function answerTo(question: Question, described: Described, sent: Set<DescFile>): Answer | undefined {
  const { services, files, registry } = described;
  switch (question.$case) {
    case 'listServices': {
      const service = services.map((name) => ({ name }));
      return { $case: 'listServicesResponse', value: { service } };
    }
    case 'fileByFilename':
      return filesFrom(files.get(question.value), sent);
    case 'fileContainingSymbol':
      return filesFrom(fileOf(question.value, registry), sent);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value;
      return filesFrom(extensionsOf(containingType, registry).get(extensionNumber), sent);
    }
    case 'allExtensionNumbersOfType': {
      const baseTypeName = question.value;
      if (!registry.getMessage(baseTypeName)) return undefined;
      const extensionNumber = [...extensionsOf(baseTypeName, registry).keys()];
      return { $case: 'allExtensionNumbersResponse', value: { baseTypeName, extensionNumber } };
    }
  }
}

/** The file and what it imports, so far as that was not sent before on this stream; itself in any case. */
function filesFrom(file: DescFile | undefined, sent: Set<DescFile>): Answer | undefined {
  if (!file) return undefined;
  const wanted = new Set([file]);
  for (const each of wanted) {
    for (const imported of each.dependencies) if (!sent.has(imported)) wanted.add(imported);
  }
  for (const each of wanted) sent.add(each);
  const fileDescriptorProto = [...wanted].map((each) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, each.proto)),
  );
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

/** Where a type or a service is declared, or one of its members. */
function fileOf(symbol: string, registry: Registry): DescFile | undefined {
  const type = registry.get(symbol);
  if (type) return type.file;
  const dot = symbol.lastIndexOf('.');
  const [parent, member] = [registry.get(symbol.slice(0, dot)), symbol.slice(dot + 1)];
  const has = (members: readonly { name: string }[]): boolean => members.some(({ name }) => name === member);
  switch (parent?.kind) {
    case 'message':
      return has(parent.fields) || has(parent.oneofs) ? parent.file : undefined;
    case 'service':
      return has(parent.methods) ? parent.file : undefined;
    case 'enum':
      return has(parent.values) ? parent.file : undefined;
    case 'extension':
    case undefined:
      return undefined;
  }
}

/** By number, the files that declare them. */
function extensionsOf(typeName: string, registry: Registry): Map<number, DescFile> {
  const extensions = [...registry].filter((type) => type.kind === 'extension');
  return new Map(
    extensions
      .filter(({ extendee }) => extendee.typeName === typeName)
      .map(({ number, file }) => [number, file]),
  );
}

function notFound({ $case, value }: Question): Answer {
  const what = typeof value === 'string' ? value : `${value.containingType} ${value.extensionNumber}`;
  return refusal(status.NOT_FOUND, `${$case}: there is no "${what}"`);
}

function refusal(errorCode: status, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}
