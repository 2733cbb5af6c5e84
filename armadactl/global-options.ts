import type { Command } from 'commander';
import type { OutputSettings } from './output/create-output.ts';
import { type ColorChoice, type Form, parseColorChoice, parseForm } from './output/form.ts';

interface GlobalOption {
  flags: string;
  summary: string;
  parse?: (text: string) => unknown;
}

/** Options that every command has, before and after its name. */
const GLOBAL_OPTIONS: readonly GlobalOption[] = [
  { flags: '-c, --context <context>', summary: 'context of the configuration file to use' },
  {
    flags: '--armadaUrl <address>',
    summary:
      'host:port of the server, or of several with commas between (default: of the context, or localhost:50051)',
  },
  { flags: '--ca <file>', summary: 'certificates of authorities to trust (PEM); talks TLS' },
  { flags: '--cert <file>', summary: 'certificate to show to the server (PEM); needs --key' },
  { flags: '--key <file>', summary: 'its private key (PEM)' },
  { flags: '--insecure', summary: 'talk TLS to whoever answers: others may listen, and change what is said' },
  { flags: '--config <file>', summary: 'configuration file (default: ~/.armadactl.yaml)' },
  {
    flags: '-o, --output <form>',
    summary: 'table, json, yaml, name or jsonpath=TEMPLATE (default: what people read)',
    parse: parseForm,
  },
  { flags: '--no-headers', summary: 'leave out the titles of tables' },
  {
    flags: '--color <when>',
    summary: 'auto, always or never (default: auto, on terminals)',
    parse: parseColorChoice,
  },
];

export function addGlobalOptions(program: Command): void {
  for (const { flags, summary, parse } of GLOBAL_OPTIONS) {
    if (parse) program.option(flags, summary, parse);
    else program.option(flags, summary);
  }
}

/** Whether the argument after this one is its value. */
export function takesValue(arg: string): boolean {
  return GLOBAL_OPTIONS.some(
    ({ flags }) => flags.includes('<') && flags.replace(/ <.*/, '').split(', ').includes(arg),
  );
}

export function outputSettings(program: Command): OutputSettings {
  const { output, headers, color } = program.opts<{
    output?: Form;
    headers?: boolean;
    color?: ColorChoice;
  }>();
  return { form: output ?? { kind: 'default' }, headers: headers ?? true, color: color ?? 'auto' };
}
