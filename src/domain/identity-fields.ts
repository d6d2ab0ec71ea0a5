import { z } from "zod";
import { isPlainText } from "./plain-text.ts";

/** RFC 5321: a path of 256 octets, less its angle brackets. */
export const MAX_EMAIL_CHARACTERS = 254;
const MAX_NAME_CHARACTERS = 100;

/** An email address, compared and stored in lower case. */
export const emailField = z
  .string()
  .max(MAX_EMAIL_CHARACTERS)
  .transform((email) => email.toLowerCase())
  .pipe(z.email());

/** A name of a person, a workspace or a service: one line that is not blank. */
export const nameField = z
  .string()
  .min(1)
  .max(MAX_NAME_CHARACTERS)
  .refine(isPlainText, "must not hold control characters")
  .refine((name) => name.trim() !== "", "must not be blank");
