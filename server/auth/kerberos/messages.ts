/** What the server and the processes that take Kerberos tickets say to each other. */

/** Said once, first. */
export interface Start {
  kind: 'start';
  keytab: string;
  /** Services whose keys must be in the keytab, as `SERVICE/HOST@REALM`. */
  principals: readonly string[];
}

/** A token to be taken. */
export interface Accept {
  id: number;
  /** Base64. */
  token: string;
  /** Id of the first token of the negotiation that this one goes on with. */
  negotiation: number | undefined;
}

/** Several go in one message: with each the system has to be asked to wake the other process. */
export type ToAcceptor = Start | { kind: 'accept'; tokens: readonly Accept[] };

/** What became of a token. */
export type Answer =
  | {
      outcome: 'accepted';
      /** Whose ticket it is, as `NAME@REALM`. */
      client: string;
      /** Whom it was issued for. */
      service: string;
      /** Proves to the client who took it; base64. */
      reply: string | undefined;
    }
  /** The client is to send another token. */
  | { outcome: 'continues'; reply: string }
  | { outcome: 'refused'; reason: string };

export type FromAcceptor =
  | { kind: 'ready' }
  | { kind: 'unusable'; reason: string }
  | { kind: 'answer'; id: number; answer: Answer };
