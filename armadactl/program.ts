import { nearNames } from '@armada-ts/api/json/near-names';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { CommandContext, Host } from './command.ts';
import { openContext } from './command-context.ts';
import { commandTable, findEntry, strayMember, type CommandEntry } from './command-table.ts';
import { ExitCode } from './exit-codes.ts';
import { addGlobalOptions } from './global-options.ts';
import type { Output } from './output/output.ts';
import { Failure } from './failure.ts';
import { toFailure } from './report.ts';

/** Runs one command line and gives the exit code. Never throws. */
export async function runProgram(args: readonly string[], host: Host): Promise<number> {
  const program = new Command('armadactl');
  const context = openContext(program, host);
  try {
    const words = args[0] === '--version' ? ['version'] : args;
    await buildProgram(program, words, context);
    await program.parseAsync(words, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    return endOf(error, context.output);
  } finally {
    context.close();
  }
}

/** Adds every command by name, so that the help is whole, but the inside only of the one that was typed. */
async function buildProgram(
  program: Command,
  args: readonly string[],
  context: CommandContext,
): Promise<void> {
  const wanted = findEntry(args);
  refuseStrayMember(args, wanted);
  program
    .description('Submit jobs to Armada and follow them')
    .usage('[options] <command>')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(type `armadactl --help` for what there is)')
    .configureOutput({
      writeOut: (text) => context.output.value(text.trimEnd()),
      writeErr: (text) => context.output.usage(text.trimEnd()),
    })
    .exitOverride()
    .hook('preAction', () => context.output.prepare());
  addGlobalOptions(program);
  const commands = new Map<string, Command>();
  for (const entry of commandTable) {
    const parent = commands.get(entry.words.slice(0, -1).join(' ')) ?? program;
    const command = addCommand(parent, entry);
    commands.set(entry.words.join(' '), command);
    if (entry === wanted && entry.load) (await entry.load()).define(command, context);
  }
}

function refuseStrayMember(args: readonly string[], wanted: CommandEntry | undefined): void {
  const stray = wanted && strayMember(args, wanted);
  if (!wanted || !stray) return;
  const [near] = nearNames(stray.word, stray.members);
  throw new Failure(ExitCode.usage, `unknown command '${stray.word}'`, {
    details: [
      near === undefined
        ? `\`armadactl ${wanted.words.join(' ')} --help\` lists those there are`
        : `did you mean \`armadactl ${wanted.words.join(' ')} ${near}\`?`,
    ],
  });
}

function addCommand(parent: Command, entry: CommandEntry): Command {
  return parent
    .helpCommand(true)
    .command(entry.words.at(-1) ?? '', { hidden: entry.hidden ?? false })
    .aliases([...(entry.aliases ?? [])])
    .description(entry.summary)
    .showHelpAfterError(`(type \`armadactl ${entry.words.join(' ')} --help\` for what there is)`);
}

function endOf(error: unknown, output: Output): number {
  if (error instanceof InvalidArgumentError) {
    // Thrown by an action that read an argument itself.
    output.error(error.message, []);
    return ExitCode.usage;
  }
  if (error instanceof CommanderError) {
    // It has printed the help or its complaint already.
    return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  }
  const failure = toFailure(error);
  output.error(failure.message, failure.details);
  return failure.exitCode;
}
