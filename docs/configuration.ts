// Writes docs/configuration.md from the schemas, so that it cannot fall behind
// them: `npm run docs`. A test compares.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configSchema as executorSchema } from '@armada-ts/executor/config';
import { configSchema as serverSchema } from '@armada-ts/server/config';
import { z } from 'zod';

/** As much of JSON Schema as the page shows. */
interface Shape {
  type?: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, Shape>;
  additionalProperties?: Shape | boolean;
  items?: Shape;
  enum?: unknown[];
  anyOf?: Shape[];
}

/** The page as it should be. */
export function configurationPage(): string {
  return `# Configuration

Generated from the schemas by \`npm run docs\`; do not edit.

## Server

Settings come from the defaults, the files given by \`--config FILE\` in order, and the environment; later ones win. A
file is YAML with the keys below nested at their dots. In the environment a key is \`ARMADA_\` and its path in capitals
joined by underscores, and its value is YAML: \`grpc.port\` is \`ARMADA_GRPC_PORT=50052\`. Unknown keys are refused.

Settings are read once, when the server starts. Files that they name, such as certificates, users and keytabs, are read
again whenever they change, without a signal: SIGHUP changes nothing, unless it comes because the terminal was closed in
which the server was started, which stops it as SIGTERM does.

${table(serverSchema)}

Under \`npm start\` some defaults differ: everybody is let in without credentials and may do everything (\`auth\`), which is
why it listens on loopback only; the store is \`DATA/server\`, \`operator.directory\` is \`DATA/operator\`, and ports that are
taken give way to the next free ones; jobs that name no need of disk have none;
\`submission.podPolicy.level\` is \`off\`; \`logLevel\` is \`warn\`.

## Executor

\`armada-executor --config FILE\`, the environment (\`ARMADA_EXECUTOR_...\`) and flags; see [executor.md](executor.md).

${table(executorSchema)}
`;
}

function table(schema: z.ZodType): string {
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape;
  const rows = rowsOf(shape, '');
  return ['| key | value | default | what it does |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function rowsOf(shape: Shape, path: string): string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([key, value]) => {
    const inner = path === '' ? key : `${path}.${key}`;
    if (value.properties && Object.keys(value.properties).length > 0) return rowsOf(value, inner);
    const fallback = value.default === undefined ? '' : `\`${JSON.stringify(value.default)}\``;
    return [`| \`${inner}\` | ${kindOf(value)} | ${cell(fallback)} | ${cell(value.description ?? '')} |`];
  });
}

function kindOf(shape: Shape): string {
  if (shape.enum) return cell(shape.enum.map((value) => `\`${String(value)}\``).join(', '));
  if (shape.anyOf) return [...new Set(shape.anyOf.map(kindOf))].join(' or ');
  if (shape.type === 'array') return `list of ${shape.items ? kindOf(shape.items) : 'values'}`;
  if (shape.type === 'object' && typeof shape.additionalProperties === 'object') {
    return `map to ${kindOf(shape.additionalProperties)}`;
  }
  if (shape.type === 'object') return 'map';
  return shape.type ?? 'value';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('configuration.md', import.meta.url), configurationPage());
}
