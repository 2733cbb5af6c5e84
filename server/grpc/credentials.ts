/** What the gRPC port shows and asks for, as the gRPC library takes it. */
import { experimental, ServerCredentials } from '@grpc/grpc-js';
import type { LiveTls, TlsMaterial } from '../tls/live-tls.ts';

type Listeners<Update> = Map<(update: Update | null) => void, () => void>;

/** Follows what is to be shown while the port listens; plain when there is nothing. */
export function credentialsOf(tls: LiveTls | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const provider = providerOf(tls);
  const asksClients = tls.current().clientAuthorities !== undefined;
  // The certificate comes first, whatever the library calls these.
  return experimental.createCertificateProviderServerCredentials(
    provider,
    asksClients ? provider : null,
    tls.isClientRequired,
  );
}

function providerOf(tls: LiveTls): experimental.CertificateProvider {
  const identities = follower(tls, ({ certificate, key }) => ({
    certificate: Buffer.from(certificate),
    privateKey: Buffer.from(key),
  }));
  const authorities = follower(tls, ({ clientAuthorities = '' }) => ({
    caCertificate: Buffer.from(clientAuthorities),
  }));
  return {
    addIdentityCertificateListener: (listener) => identities.add(listener),
    removeIdentityCertificateListener: (listener) => identities.remove(listener),
    addCaCertificateListener: (listener) => authorities.add(listener),
    removeCaCertificateListener: (listener) => authorities.remove(listener),
  };
}

/** Tells listeners what there is, and what comes. */
function follower<Update>(tls: LiveTls, updateOf: (material: TlsMaterial) => Update) {
  const listeners: Listeners<Update> = new Map();
  return {
    add(listener: (update: Update | null) => void): void {
      const tell = (): void => {
        if (listeners.has(listener)) listener(updateOf(tls.current()));
      };
      listeners.set(listener, tls.subscribe(tell));
      // The library does not listen to itself before it has added this one.
      process.nextTick(tell);
    },
    remove(listener: (update: Update | null) => void): void {
      listeners.get(listener)?.();
      listeners.delete(listener);
    },
  };
}
