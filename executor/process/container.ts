import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Clock } from '../clock.ts';
import type { Command } from './command.ts';
import { readText } from './run-directory.ts';
import { type SessionReader, type ShimIdentity, isAlive, signalAll, signalGroup } from './session.ts';
import { SHIM_QUIT } from './shim.ts';

/** How a container came to its end. Times are milliseconds since the Unix epoch. */
export type ContainerEnd =
  | { how: 'exited'; exitCode: number; atMs: number }
  /** It was started, and is gone without an exit code: someone killed its shim, or the machine restarted. */
  | { how: 'vanished'; rebooted: boolean }
  /** The machine would not make a process of it. */
  | { how: 'unstartable'; message: string };

export interface ContainerListener {
  onStarted(atMs: number): void;
  onEnded(end: ContainerEnd): void;
}

/** What all containers of a runtime share. */
export interface ContainerHost {
  shimFile: string;
  bootId: string;
  sessions: SessionReader;
  clock: Clock;
  logMaxBytes: number;
  /** The executor's own environment. */
  environment: Readonly<Record<string, string | undefined>>;
}

/** How often a container is looked at that an earlier executor process started; our own children tell. */
const POLL_MS = 150;
/** Every how many looks it is checked to be alive; a look only sees whether it has ended. */
const POLLS_PER_ALIVE_CHECK = 5;
/** How long a shim that was found starting may take to write its pid before it is given up. */
const PID_WAIT_MS = 1_000;
/** How long what the command left behind may hold its output open after it has ended. */
const LEFTOVER_MS = 50;
/** Pause until it is looked again whether there is a command to ask to stop. */
const ASK_PAUSE_MS = 10;
/** Pause between two rounds of killing. */
const KILL_PAUSE_MS = 100;
/** Rounds after which the shim itself is killed too: such without work on the log, and all. */
const KILL_ROUNDS = 10;
const MOST_KILL_ROUNDS = 100;

/** One container's processes: starts them or finds them again, tells when they end, and ends them. */
export class ContainerProcess {
  readonly #directory: string;
  readonly #host: ContainerHost;
  readonly #listener: ContainerListener;
  #child: ChildProcess | undefined;
  #poll: NodeJS.Timeout | undefined;
  #ask: NodeJS.Timeout | undefined;
  #kill: NodeJS.Timeout | undefined;
  #started = false;
  #done = false;
  #isSwept = false;
  /** Once it is known, for it never changes. */
  #shim: ShimIdentity | undefined;

  constructor(directory: string, host: ContainerHost, listener: ContainerListener) {
    this.#directory = directory;
    this.#host = host;
    this.#listener = listener;
  }

  /** Whether a shim has been here, in this process or an earlier one. */
  static wasStarted(directory: string): boolean {
    return fs.existsSync(path.join(directory, 'started'));
  }

  /** Starts the command in a session of its own. */
  start(command: Command, workingDirectory: string): void {
    const { shimFile, logMaxBytes, environment } = this.#host;
    try {
      fs.mkdirSync(this.#directory, { recursive: true });
      const child = spawn(
        '/bin/sh',
        [shimFile, this.#directory, String(logMaxBytes), ...command.environment, ...command.argv],
        {
          cwd: workingDirectory,
          detached: true,
          env: { PATH: environment['PATH'] ?? '/usr/bin:/bin' },
          stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
        },
      );
      this.#child = child;
      child.once('error', (error) => this.#finish({ how: 'unstartable', message: error.message }));
      child.once('exit', (code) => this.#shimLeft(code));
      this.#listen(child);
      child.unref();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#finish({ how: 'unstartable', message });
    }
  }

  /** How a container ended before the machine was started anew; undefined when that was not kept. */
  endBeforeBoot(): ContainerEnd | undefined {
    const exitCode = this.#readExitCode();
    if (exitCode === undefined) return undefined;
    this.#tellStarted();
    return { how: 'exited', exitCode, atMs: this.#modifiedAtMs('exit') };
  }

  /** Watches a container whose shim an earlier executor process started. */
  adopt(): void {
    if (this.#tellIfExited()) return;
    if (this.#readPid() !== undefined) this.#tellStarted();
    const giveUpAtMs = this.#host.clock.elapsed() + PID_WAIT_MS;
    let polls = 0;
    clearInterval(this.#poll);
    this.#poll = setInterval(() => {
      if (this.#tellIfExited()) return;
      const shim = this.#readPid();
      if (shim === undefined) {
        if (this.#host.clock.elapsed() >= giveUpAtMs) this.#giveUp();
        return;
      }
      this.#tellStarted();
      if (polls++ % POLLS_PER_ALIVE_CHECK === 0 && !isAlive(shim, this.#host.bootId)) this.#vanished();
    }, POLL_MS);
    this.#poll.unref();
  }

  /** Asks everything in the session to stop, and kills what is left when the grace is over. */
  terminate(graceMs: number): void {
    if (this.#done || this.#kill !== undefined) return;
    if (graceMs > 0) this.#askToStop();
    this.#killAfter(Math.max(0, graceMs), 0);
  }

  /** Stops looking; the processes go on. */
  close(): void {
    this.#done = true;
    this.#stopTimers();
    this.#child?.removeAllListeners();
    this.#child?.stdio[3]?.destroy();
  }

  #listen(child: ChildProcess): void {
    const line = child.stdio[3];
    let said = '';
    line?.on('error', () => {});
    line?.on('data', (data: Buffer) => {
      said += data.toString('latin1');
      this.#tellStarted();
      if (said.includes('ended')) this.#sweepUp();
    });
    if (line !== null && line !== undefined && 'unref' in line && typeof line.unref === 'function')
      line.unref();
  }

  #shimLeft(code: number | null): void {
    if (this.#tellIfExited()) return;
    if (code === SHIM_QUIT) {
      this.adopt();
      return;
    }
    this.#vanished();
  }

  /**
   * The shim may be gone before it wrote its pid: takes the place of the file,
   * so that the command never runs after this, and has not run before. If the
   * file is there by now, a pid in it wins; without one the shim died, or was
   * given up before.
   */
  #giveUp(): void {
    try {
      fs.writeFileSync(path.join(this.#directory, 'pid'), 'given up\n', { flag: 'wx' });
    } catch {
      if (this.#readPid() !== undefined) return;
    }
    this.#finish({ how: 'unstartable', message: 'its process was gone before it ran the command' });
  }

  #vanished(): void {
    const shim = this.#readPid();
    if (shim === undefined) {
      this.#giveUp();
      if (!this.#done) this.adopt();
      return;
    }
    const left = this.#host.sessions.readNow(shim);
    signalAll([...left.command, ...left.own], 'SIGKILL');
    if (!this.#tellIfExited()) this.#finish({ how: 'vanished', rebooted: shim.bootId !== this.#host.bootId });
  }

  /** What an ended command left behind goes with it, as in a pod; mostly there is nothing. */
  #sweepUp(): void {
    if (this.#done || this.#isSwept) return;
    this.#isSwept = true;
    this.#killAfter(LEFTOVER_MS, 0);
  }

  #killAfter(delayMs: number, round: number): void {
    clearTimeout(this.#kill);
    this.#kill = setTimeout(() => {
      if (this.#tellIfExited()) return;
      const shim = this.#readPid();
      if (shim !== undefined) {
        const session = this.#host.sessions.read(shim);
        signalAll(session.command, 'SIGKILL');
        if (round >= (session.isWriting ? MOST_KILL_ROUNDS : KILL_ROUNDS)) signalAll(session.own, 'SIGKILL');
      }
      this.#killAfter(KILL_PAUSE_MS, round + 1);
    }, delayMs);
    this.#kill.unref();
  }

  /**
   * Sends SIGTERM once, as soon as there is a command to get it: shim and keeper
   * take no notice, so one that comes before the command would be lost.
   */
  #askToStop(): void {
    const shim = this.#readPid();
    const session = shim === undefined ? undefined : this.#host.sessions.read(shim);
    if (shim === undefined || session === undefined || session.command.length === 0) {
      this.#ask = setTimeout(() => this.#askToStop(), ASK_PAUSE_MS);
      this.#ask.unref();
      return;
    }
    signalGroup(shim, this.#host.bootId, 'SIGTERM');
    signalAll(session.strayed, 'SIGTERM');
  }

  #tellStarted(): void {
    if (this.#started || this.#done) return;
    this.#started = true;
    this.#listener.onStarted(this.#modifiedAtMs('pid'));
  }

  /**
   * A command has ended when its exit code is there and its shim is gone: then
   * its log is complete as well.
   */
  #tellIfExited(): boolean {
    const exitCode = this.#readExitCode();
    if (exitCode === undefined || this.#done) return this.#done;
    const shim = this.#readPid();
    if (shim !== undefined && isAlive(shim, this.#host.bootId)) {
      this.#sweepUp();
      return false;
    }
    if (shim !== undefined) signalGroup(shim, this.#host.bootId, 'SIGKILL');
    this.#tellStarted();
    this.#finish({ how: 'exited', exitCode, atMs: this.#modifiedAtMs('exit') });
    return true;
  }

  /** Undefined while there is none, and when a power failure came before it was on disk. */
  #readExitCode(): number | undefined {
    const file = path.join(this.#directory, 'exit');
    // Asked often of thousands: to look whether it is there costs a tenth of being told that it is not.
    const text = fs.existsSync(file) ? readText(file) : undefined;
    return text !== undefined && /^\d+ *\n$/.test(text) ? Number(text) : undefined;
  }

  #finish(end: ContainerEnd): void {
    if (this.#done) return;
    this.#done = true;
    this.#stopTimers();
    this.#listener.onEnded(end);
  }

  #stopTimers(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#ask);
    clearTimeout(this.#kill);
  }

  #readPid(): ShimIdentity | undefined {
    this.#shim ??= this.#readPidFile();
    return this.#shim;
  }

  #readPidFile(): ShimIdentity | undefined {
    const [pid, startTime, bootId, keeper, end] = (readText(path.join(this.#directory, 'pid')) ?? '')
      .trim()
      .split(' ');
    if (end !== 'end' || pid === undefined || startTime === undefined || bootId === undefined)
      return undefined;
    return { pid: Number(pid), startTime, bootId, keeper: Number(keeper) };
  }

  #modifiedAtMs(file: string): number {
    const stat = fs.statSync(path.join(this.#directory, file), { throwIfNoEntry: false });
    return Math.round(stat?.mtimeMs ?? this.#host.clock.now());
  }
}
