/** What the server and the processes that take Kerberos tickets say to each other. */

/** Said once, first. */
export interface Start {
  kind: 'start';
  keytab: string;
  /** Services whose keys must be in the keytab, as `SERVICE/HOST@REALM`. */
  principals: readonly string[];
}

export interface Accept {
  kind: 'accept';
  id: number;
  /** Base64. */
  token: string;
  /** Id of the first token of the negotiation that this one goes on with. */
  negotiation: number | undefined;
}

export type ToAcceptor = Start | Accept;

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
