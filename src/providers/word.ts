import { z } from "zod";

/** A key, token or secret as vendors make them: one word, since it goes into a header. The vendor is the judge of the rest. */
export const word = z.string().regex(/^[\x21-\x7e]{1,4096}$/, "must be one word of printable characters");
