import type { Person, Reply } from "./worker-client.ts";

export function tokenOf(person: Pick<Person, "call">, id: string): Promise<Reply> {
  return person.call("GET", `/api/v1/connections/${id}/token`);
}

/** Stores a Google token as it is given. */
export function store(person: Pick<Person, "call">, body: object): Promise<Reply> {
  return person.call("POST", "/api/v1/tokens", {
    provider: "gcp",
    token_data: { access_token: "ya29.stored" },
    ...body,
  });
}
