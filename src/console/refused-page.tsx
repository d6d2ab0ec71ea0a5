import type { Page } from "./render-page.ts";

interface RefusedProps {
  readonly message: string;
  readonly requestId: string;
}

/** Tells a person at a browser why it goes no further. */
export function RefusedPage({ message, requestId }: RefusedProps): Page {
  return {
    title: "Not connected",
    body: (
      <main>
        <h1>Not connected</h1>
        <p class="notice" role="alert">
          {message}
        </p>
        <p class="quiet">Nothing was exchanged with the provider. Request {requestId}</p>
      </main>
    ),
  };
}
