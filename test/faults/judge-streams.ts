// Judges what watchers received over all their breaks: each event once, in one
// order for everybody, which is that of a whole read at the end.
import { type Entry, type EventEntry, FINAL_READER } from './history.ts';
import type { Violation } from './judge.ts';

/** Compares every watcher with the whole read of the same job set. */
export function judgeStreams(entries: readonly Entry[]): Violation[] {
  const streams = new Map<string, EventEntry[]>();
  for (const entry of entries) {
    if (entry.kind !== 'event') continue;
    const key = streamName(entry);
    const stream = streams.get(key) ?? [];
    stream.push(entry);
    streams.set(key, stream);
  }
  return [...streams].flatMap(([name, stream]) => {
    const { reader, jobSet } = stream[0]!;
    const whole = streams.get(streamName({ reader: FINAL_READER, jobSet })) ?? [];
    return reader === FINAL_READER ? repeats(name, stream) : judgeStream(name, stream, whole);
  });
}

function streamName({ reader, jobSet }: Pick<EventEntry, 'reader' | 'jobSet'>): string {
  return `${reader} of ${jobSet}`;
}

function repeats(name: string, stream: readonly EventEntry[]): Violation[] {
  const seen = new Set<string>();
  const violations: Violation[] = [];
  for (const { id } of stream) {
    if (seen.has(id)) violations.push({ breach: 'repeat', text: `${name} had ${id} twice` });
    seen.add(id);
  }
  return violations;
}

function judgeStream(name: string, stream: readonly EventEntry[], whole: readonly EventEntry[]): Violation[] {
  const violations = repeats(name, stream);
  const places = new Map(whole.map(({ id }, place) => [id, place]));
  const seen = new Set<number>();
  let last = -1;
  for (const event of stream) {
    const place = places.get(event.id);
    if (place === undefined) {
      // What came after the whole read was made cannot be in it.
      if (seen.size < whole.length) {
        violations.push({ breach: 'invented', text: `${name}: nobody else has ${told(event)}` });
      }
      continue;
    }
    const original = whole[place];
    if (original && told(original) !== told(event)) {
      violations.push({ breach: 'invented', text: `${name} had ${told(event)} for ${told(original)}` });
    }
    if (place < last && !seen.has(place)) {
      violations.push({ breach: 'disorder', text: `${name} had ${told(event)} late` });
    }
    seen.add(place);
    last = Math.max(last, place);
  }
  const missing = whole.filter((_, place) => !seen.has(place));
  if (missing.length > 0) {
    const text = `${name} never had ${missing.length} events, first ${told(missing[0]!)}`;
    violations.push({ breach: 'gap', text });
  }
  return violations;
}

function told({ id, jobId, event }: EventEntry): string {
  return `${id} ${jobId} ${event}`;
}
