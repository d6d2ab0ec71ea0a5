import type { Sealer } from "../../src/domain/ports/sealer.ts";

/** Texts that look sealed: not readable by eye, and they open only for their purpose and context. */
export interface FakeSealer extends Sealer {
  /** What was sealed until now opens no more. */
  retireKeys(): void;
}

export function createFakeSealer(): FakeSealer {
  let keyId = 1;
  return {
    seal: async (purpose, context, plain) =>
      Buffer.from(JSON.stringify([keyId, purpose, context, plain])).toString("hex"),
    async open(purpose, context, sealed) {
      const [key, ...rest] = JSON.parse(Buffer.from(sealed, "hex").toString()) as [number, string, string, string];
      return key === keyId && rest[0] === purpose && rest[1] === context ? rest[2] : null;
    },
    retireKeys() {
      keyId += 1;
    },
  };
}
