import fs from 'node:fs';
import path from 'node:path';
import type { Command } from './command.ts';

/** What `env` exits with when it cannot run a program, as shells do. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/**
 * Says what an exit code of 126 or 127 was about, if it was about the program
 * itself; a program may exit with these numbers on its own. Empty otherwise.
 * @param runDirectory where a program given by a relative path was looked for
 */
export function explainExit(exitCode: number, command: Command, runDirectory: string): string {
  const program = command.argv[0] ?? '';
  if (exitCode !== NOT_FOUND && exitCode !== NOT_EXECUTABLE) return '';
  const from = path.resolve(path.join(runDirectory, 'work'), command.workingDirectory ?? '');
  const places = program.includes('/')
    ? [path.resolve(from, program)]
    : pathOf(command).map((directory) => path.resolve(from, directory, program));
  const found = places.filter((place) => findAt(place)?.isFile());
  if (exitCode === NOT_FOUND && found.length === 0) {
    const where = program.includes('/') ? '' : ` in PATH (${pathOf(command).join(':')})`;
    return `command "${program}" was not found${where}`;
  }
  if (exitCode === NOT_EXECUTABLE && !found.some(isExecutable))
    return `command "${program}" is not executable`;
  return '';
}

function pathOf(command: Command): string[] {
  const variable = command.environment.find((text) => text.startsWith('PATH=')) ?? 'PATH=';
  return variable.slice('PATH='.length).split(':');
}

/** What is at a path that a user gave; undefined also where it cannot be looked up: too long, a loop, no permission. */
export function findAt(place: string): fs.Stats | undefined {
  try {
    return fs.statSync(place);
  } catch {
    return undefined;
  }
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
