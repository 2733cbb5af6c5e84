import { Code, ConnectError } from '@connectrpc/connect';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import { isTooMuch, type Packing, unpack } from '../../door/unpack.ts';

/** How messages may be packed; what clients sent is unpacked in turn, see door/unpack.ts. */
export const COMPRESSIONS = [
  unpackingInTurn(compressionGzip, 'gzip'),
  unpackingInTurn(compressionBrotli, 'br'),
];

function unpackingInTurn(library: typeof compressionGzip, packing: Packing): typeof compressionGzip {
  return {
    name: library.name,
    compress: (bytes) => library.compress(bytes),
    async decompress(bytes, maxBytes) {
      if (bytes.length === 0) return new Uint8Array();
      try {
        return (await unpack(packing, bytes, maxBytes)) as Uint8Array<ArrayBuffer>;
      } catch (error) {
        throw isTooMuch(error)
          ? new ConnectError(
              `the request is larger than ${maxBytes} bytes when unpacked; send less at a time`,
              Code.ResourceExhausted,
            )
          : new ConnectError(`the request is not packed as it says: ${packing}`, Code.InvalidArgument);
      }
    },
  };
}
