/**
 * Connections whose clients show a certificate. They are judged when they come,
 * beyond what TLS itself looks at, and again when an authority is trusted no
 * longer or has taken certificates back: a connection may stay for days, and
 * calls of HTTP/2 and streams go on in it. One that is good comes again at once.
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { certificatesIn, hasSigned } from './authorities.ts';
import type { TlsMaterial } from './live-tls.ts';

export interface ClientConnections {
  /** Whether it may go on; it is judged again until it is closed. */
  admit(socket: TLSSocket, material: TlsMaterial): boolean;
  /** Ends those that are good no longer. Tells how many. */
  judge(material: TlsMaterial): number;
  /** Ends those whose certificates end before this time, in milliseconds since the epoch. Tells how many. */
  endBefore(timeMs: number): number;
}

interface Shown {
  certificate: X509Certificate;
  /** On the wall clock. */
  endsAtMs: number;
}

export function createClientConnections(): ClientConnections {
  const open = new Map<TLSSocket, Shown>();
  const end = (isOver: (shown: Shown) => boolean): number => {
    const over = [...open].filter(([, shown]) => isOver(shown));
    for (const [socket] of over) socket.destroy();
    return over.length;
  };
  return {
    admit(socket, { revoked }) {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) return true;
      // Of no trusted authority, or expired: whoever shows it is not let in as somebody without.
      if (!socket.authorized || revoked?.isRevoked(certificate)) return false;
      keepCertificate(socket, certificate);
      open.set(socket, { certificate, endsAtMs: certificate.validToDate.getTime() });
      socket.once('close', () => open.delete(socket));
      return true;
    },
    judge({ clientAuthorities = '', revoked }) {
      const authorities = certificatesIn(clientAuthorities);
      // What lies between is not known any more after the handshake, so a certificate of an
      // authority that is not in the file itself does not count: the next handshake decides.
      return end(
        ({ certificate }) =>
          revoked?.isRevoked(certificate) || !authorities.some((one) => hasSigned(one, certificate)),
      );
    },
    endBefore: (timeMs) => end(({ endsAtMs }) => endsAtMs < timeMs),
  };
}

/** Every call of the connection asks for it, by one or the other name, and it would be taken apart each time. */
function keepCertificate(socket: TLSSocket, certificate: X509Certificate): void {
  const peerCertificate = socket.getPeerCertificate();
  Object.assign(socket, {
    getPeerX509Certificate: () => certificate,
    getPeerCertificate: () => peerCertificate,
  });
}
