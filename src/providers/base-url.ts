import { z } from "zod";
import { isAppError } from "../domain/errors.ts";
import { requirePublicUrl } from "../domain/public-url.ts";

/**
 * The address of a user's own installation, e.g. `https://grafana.example.com/metrics`.
 *
 * Checked again at each use by the sender, which also knows our own host.
 */
export const baseUrl = z
  .string()
  .describe("https address of your installation, without a query")
  .superRefine((raw, context) => {
    try {
      const url = requirePublicUrl(raw, { ownHosts: [] });
      if (url.search !== "" || url.hash !== "") context.addIssue({ code: "custom", message: "must not hold a query" });
    } catch (error) {
      if (!isAppError(error)) throw error;
      context.addIssue({ code: "custom", message: error.message });
    }
  });

/** `raw` in one spelling: lower-case host, no default port, no slash at the end. */
export function normaliseBaseUrl(raw: string): string {
  const { origin, pathname } = new URL(raw);
  return `${origin}${pathname}`.replace(/\/+$/, "");
}
