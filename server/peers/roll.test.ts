import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerRecord } from '../store/servers.ts';
import {
  aliveIn,
  emptyRoll,
  forgottenIn,
  leaderIn,
  listedIn,
  nextMeetingMs,
  type Roll,
  takeMeeting,
  vacancyIn,
} from './roll.ts';

function server(id: string, part: Partial<ServerRecord> = {}): ServerRecord {
  return { id, name: id, address: `${id}:1`, version: '1', startedAtMs: 0, ...part };
}

/** Meetings of server `a` with whoever has a beat. */
class Meetings {
  roll: Roll = emptyRoll(server('a', { startedAtMs: 10 }));

  at(nowMs: number, beats: Record<string, number>, lead: { term?: number; leaderId?: string } = {}): this {
    const { term = this.roll.term, leaderId = this.roll.leaderId } = lead;
    const servers = Object.entries(beats).map(([id, beat]) => ({ server: server(id), beat }));
    this.roll = takeMeeting(this.roll, { servers, term, leaderId }, nowMs);
    return this;
  }

  get alive(): string {
    return aliveIn(this.roll)
      .map(({ id }) => id)
      .join(' ');
  }
}

describe('takeMeeting()', () => {
  it('counts as alive who was met for the first time, and goes on while its beat rises', () => {
    const met = new Meetings().at(0, { a: 1, b: 7 });
    assert.equal(met.alive, 'b');
    for (let second = 1; second < 10; second++) met.at(second * 1000, { a: 1, b: 7 + second });
    assert.equal(met.alive, 'b');
  });

  it('counts as gone who was silent for three seconds, and as back when its beat rises', () => {
    const met = new Meetings().at(0, { b: 7 }).at(1000, { b: 7 }).at(2000, { b: 7 }).at(2999, { b: 7 });
    assert.equal(met.alive, 'b');
    assert.equal(met.at(3000, { b: 7 }).alive, '');
    assert.equal(met.at(4000, { b: 7 }).alive, '');
    assert.equal(met.at(5000, { b: 8 }).alive, 'b');
  });

  it('lets silence begin anew when it could not hear itself, but not of those that were gone', () => {
    const met = new Meetings()
      .at(0, { b: 7, c: 1 })
      .at(1000, { b: 7, c: 2 })
      .at(2000, { b: 7, c: 3 })
      .at(3000, { b: 7, c: 4 });
    assert.equal(met.alive, 'c');
    met.at(63_000, { b: 7, c: 4 });
    assert.equal(met.alive, 'c');
    met.at(64_000, { b: 7, c: 4 }).at(65_000, { b: 7, c: 4 });
    assert.equal(met.alive, 'c');
    assert.equal(met.at(66_000, { b: 7, c: 4 }).alive, '');
  });

  it('lets who has left be gone at once', () => {
    assert.equal(new Meetings().at(0, { b: 7 }).at(1000, {}).alive, '');
  });

  it('knows that the process before it at the same address is gone, and not one after it', () => {
    const self = server('new', { name: 'host', address: 'host:1', startedAtMs: 10 });
    const meet = (startedAtMs: number) => {
      const other = server('other', { name: 'host', address: 'host:1', startedAtMs });
      return aliveIn(
        takeMeeting(
          emptyRoll(self),
          { servers: [{ server: other, beat: 1 }], term: 0, leaderId: undefined },
          0,
        ),
      );
    };
    assert.equal(meet(9).length, 0);
    assert.equal(meet(11).length, 1);
  });
});

describe('vacancyIn()', () => {
  it('sees none before the first meeting, nor while another leads', () => {
    assert.equal(vacancyIn(emptyRoll(server('a')), undefined), undefined);
    const met = new Meetings().at(0, { b: 1 }, { term: 4, leaderId: 'b' });
    assert.equal(vacancyIn(met.roll, undefined), undefined);
    assert.equal(leaderIn(met.roll)?.id, 'b');
  });

  it('sees one where nobody leads, and where the leader is gone', () => {
    assert.equal(vacancyIn(new Meetings().at(0, { a: 1 }).roll, undefined), 0);
    const met = new Meetings().at(0, { b: 1 }, { term: 4, leaderId: 'b' });
    met.at(1000, { b: 1 }).at(2000, { b: 1 }).at(3000, { b: 1 });
    assert.equal(leaderIn(met.roll), undefined);
    assert.equal(vacancyIn(met.roll, undefined), 4);
  });

  it('sees one where it leads itself with a term that it does not hold', () => {
    const { roll } = new Meetings().at(0, { a: 1 }, { term: 4, leaderId: 'a' });
    assert.equal(vacancyIn(roll, 4), undefined);
    assert.equal(vacancyIn(roll, 3), 4);
    assert.equal(vacancyIn(roll, undefined), 4);
  });
});

it('the next meeting is in a second, or when somebody would be gone', () => {
  const met = new Meetings().at(0, { b: 1 }).at(700, { b: 1 });
  assert.equal(nextMeetingMs(met.roll, 700), 1000);
  assert.equal(nextMeetingMs(met.at(2400, { b: 1 }).roll, 2400), 600);
});

it('who has been gone for an hour is forgotten', () => {
  const met = new Meetings().at(0, { b: 1 });
  for (let second = 1; second < 3600; second++) met.at(second * 1000, { b: 1 });
  assert.deepEqual(forgottenIn(met.roll), []);
  assert.deepEqual(forgottenIn(met.at(3_600_000, { b: 1 }).roll), ['b']);
});

it('who was started again is forgotten after a minute, whoever comes in its place', () => {
  const first = { server: server('b', { address: 'x:1', name: 'x' }), beat: 1 };
  const second = { server: server('c', { address: 'x:1', name: 'x', startedAtMs: 5 }), beat: 1 };
  const meet = (nowMs: number): void => {
    second.beat++;
    roll = takeMeeting(roll, { servers: [first, second], term: 0, leaderId: undefined }, nowMs);
  };
  let roll = emptyRoll(server('a'));
  for (let second = 0; second < 60; second++) meet(second * 1000);
  assert.deepEqual(forgottenIn(roll), []);
  meet(60_000);
  assert.deepEqual(forgottenIn(roll), ['b']);
});

it('all are listed, this one first, with how long nothing was heard of them', () => {
  const met = new Meetings().at(0, { c: 1, b: 1 });
  for (let second = 1; second <= 5; second++) met.at(second * 1000, { c: 1, b: 1 + second });
  const told = listedIn(met.roll, 5200).map(({ id, isAlive, silentMs }) => [id, isAlive, silentMs]);
  assert.deepEqual(told, [
    ['a', true, 0],
    ['b', true, 200],
    ['c', false, 5200],
  ]);
});
