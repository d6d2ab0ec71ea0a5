import type { Page } from "./render-page.ts";

/** Why a person comes to one of our pages. */
export type Errand = "sign in" | "connect an account";

interface RefusedProps {
  readonly errand: Errand;
  readonly message: string;
  readonly requestId: string;
}

/** Tells a person at a browser why it goes no further. */
export function RefusedPage({ errand, message, requestId }: RefusedProps): Page {
  const title = errand === "sign in" ? "Not signed in" : "Not connected";
  return {
    title,
    body: (
      <main>
        <h1>{title}</h1>
        <p class="notice" role="alert">
          {message}
        </p>
        <p class="quiet">
          {errand === "sign in" ? "" : "Nothing was exchanged with the provider. "}Request {requestId}
        </p>
      </main>
    ),
  };
}
