import { expect, test } from "vitest";
import { type ConsentResult, ResultPage } from "../../src/console/result-page.tsx";

const show = (result: Partial<ConsentResult>) => {
  const { title, body } = ResultPage({ login: "gcp_failed", error: null, isStoredLater: false, ...result });
  return `${title}: ${String(body)}`;
};

test.each(["vault_unavailable", "database_unavailable", "provider_rejected", "conflict", "not_found", "<b>"])(
  "a consent that failed with %s says that nothing was stored",
  (error) => {
    expect(show({ error })).toMatch(/^Not connected: .*Nothing was stored/s);
    expect(show({ error })).not.toContain("<b>");
  },
);

test("a consent whose secret is on its way says that there is nothing more to do", () => {
  const page = show({ error: "vault_unavailable", isStoredLater: true });
  expect(page).toMatch(/^Almost connected: .*gcp.*appears by itself/s);
  expect(page).not.toContain("Nothing was stored");
});

test("a consent that succeeded, or waits for its application, names the provider", () => {
  expect(show({ login: "gcp_success" })).toMatch(/^Connected: .*gcp is connected/s);
  expect(show({ login: "gcp_pending" })).toMatch(/^Almost connected: .*once the application/s);
  expect(show({ login: "<i>_success" })).not.toContain("<i>");
});
