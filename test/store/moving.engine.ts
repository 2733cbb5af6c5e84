/**
 * A store that moves house each time it is opened again, from engine to engine. What a suite finds right in a store that
 * stays must be right in one that moves, so every suite that opens its store again is a test of moving.
 */
import type { Export, Import } from '@armada-ts/server/store/copy';
import { copyStore } from '@armada-ts/server/store/migrate';
import { randomUUID } from 'node:crypto';
import type { Engine } from './engine.ts';

/** An engine, and how what it keeps is taken out and put in. */
export interface House {
  engine: Engine;
  openExport: (place: string) => Promise<Export>;
  openImport: (place: string) => Promise<Import>;
}

/** Moves a closed store. Without the replay: what the builders of these tests make does not follow from its events. */
export async function move(from: House, place: string, to: House): Promise<string> {
  const source = await from.openExport(place);
  const newPlace = await to.engine.createPlace();
  const target = await to.openImport(newPlace);
  try {
    const { signal } = new AbortController();
    const { copied } = await copyStore({ source, target, onProgress: () => {}, signal });
    await copied.close();
    await target.complete();
  } finally {
    await source.close();
    await target.close();
  }
  return newPlace;
}

/** An engine whose stores move on, from house to house in turn, whenever they are opened again. */
export function movingEngine(houses: readonly [House, ...House[]]): Engine {
  const whereabouts = new Map<string, { house: number; place: string; isMade: boolean }>();
  const houseAt = (number: number): House => houses[number % houses.length] ?? houses[0];
  return {
    module: import.meta.url,
    async createPlace() {
      const place = await houses[0].engine.createPlace();
      const name = randomUUID();
      whereabouts.set(name, { house: 0, place, isMade: false });
      return name;
    },
    async open(name, options) {
      const now = whereabouts.get(name);
      if (!now) throw new Error(`no place is called ${name}`);
      if (now.isMade) {
        const place = await move(houseAt(now.house), now.place, houseAt(now.house + 1));
        await houseAt(now.house).engine.removePlace(now.place);
        now.place = place;
        now.house++;
      }
      now.isMade = true;
      return await houseAt(now.house).engine.open(now.place, options);
    },
    async removePlace(name) {
      const now = whereabouts.get(name);
      if (now) await houseAt(now.house).engine.removePlace(now.place);
    },
  };
}
