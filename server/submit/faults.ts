import { ArmadaError, type ErrorCode, type Fault, MAX_FAULTS } from '../base/errors.ts';

/**
 * Longest text of a refusal: clients that read no details print this. It travels
 * in a trailer, where all but plain characters take three times the room, and
 * the door cuts what is longer there: then the count of the rest would be lost.
 */
const MAX_MESSAGE_BYTES = 1900;

/** Gathers what is wrong with a request. */
export interface FaultList {
  add(field: string, message: string): void;
  /** The first 20. */
  readonly faults: readonly Fault[];
  /** All that were found. */
  readonly count: number;
}

export function createFaultList(): FaultList {
  const faults: Fault[] = [];
  let count = 0;
  return {
    add(field, message) {
      count++;
      if (faults.length < MAX_FAULTS) faults.push({ field, message });
    },
    faults,
    get count() {
      return count;
    },
  };
}

/** The refusal of a request: one line for people that names every fault it has room for, and the faults for programs. */
export function refusal(list: FaultList, code: ErrorCode = 'INVALID_REQUEST'): ArmadaError {
  let message = '';
  let bytes = 0;
  let told = 0;
  for (const { field, message: text } of list.faults) {
    const next = `${told === 0 ? '' : '; '}${field} ${text}`;
    bytes += encodeURI(next.toWellFormed()).length;
    if (told > 0 && bytes > MAX_MESSAGE_BYTES) break;
    message += next;
    told++;
  }
  const untold = list.count - told;
  return new ArmadaError(code, untold === 0 ? message : `${message}; and ${untold} more`, {
    faults: list.faults,
  });
}

/** Throws the refusal if there is anything to refuse. */
export function refuseIfFaulty(list: FaultList): void {
  if (list.count > 0) throw refusal(list);
}
