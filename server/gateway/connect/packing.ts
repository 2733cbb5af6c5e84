import { Code, ConnectError } from '@connectrpc/connect';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import { isTooMuch, type Packing, unpack } from '../../door/unpack.ts';

/**
 * How messages may be packed; what clients sent is unpacked in turn, see door/unpack.ts.
 * @param judge throws ConnectError for a message that is not to be taken
 */
export function compressions(judge: (message: Uint8Array) => void = () => {}): (typeof compressionGzip)[] {
  return [unpackingInTurn(compressionGzip, 'gzip', judge), unpackingInTurn(compressionBrotli, 'br', judge)];
}

function unpackingInTurn(
  library: typeof compressionGzip,
  packing: Packing,
  judge: (message: Uint8Array) => void,
): typeof compressionGzip {
  return {
    name: library.name,
    compress: (bytes) => library.compress(bytes),
    async decompress(bytes, maxBytes) {
      if (bytes.length === 0) return new Uint8Array();
      let message: Uint8Array<ArrayBuffer>;
      try {
        message = (await unpack(packing, bytes, maxBytes)) as Uint8Array<ArrayBuffer>;
      } catch (error) {
        throw isTooMuch(error)
          ? new ConnectError(
              `the request is larger than ${maxBytes} bytes when unpacked; send less at a time`,
              Code.ResourceExhausted,
            )
          : new ConnectError(`the request is not packed as it says: ${packing}`, Code.InvalidArgument);
      }
      judge(message);
      return message;
    },
  };
}
