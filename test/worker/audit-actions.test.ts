import { expect, test } from "vitest";
import {
  bearer,
  connectGrafana,
  logIn,
  newColleague,
  newEmail,
  newKey,
  newPerson,
  PASSWORD,
  type Person,
  type Reply,
  requireStatus,
  send,
} from "../support/worker-client.ts";

const OTHER_PASSWORD = "another horse battery";

interface Event {
  readonly action: string;
  readonly outcome: string;
  readonly actor: { readonly type: string; readonly id: string | null; readonly via?: string };
  readonly resource: { readonly type: string; readonly id: string | null } | null;
  readonly ip: string | null;
  readonly request_id: string | null;
}

async function eventsOf(admin: Person): Promise<readonly Event[]> {
  return requireStatus(await admin.call("GET", "/api/v1/audit?limit=200"), 200).body.events;
}

/** The events of one action as `outcome by actor on resource`. */
async function storyOf(admin: Person, action: string): Promise<readonly string[]> {
  const events = (await eventsOf(admin)).filter((event) => event.action === action);
  return events.map(({ outcome, actor, resource }) => `${outcome} by ${actor.id} on ${resource?.type} ${resource?.id}`);
}

const ok = async (reply: Promise<Reply>, status = 200) => requireStatus(await reply, status).body;

test("what a person does with their own account is recorded, by whom and on what", async () => {
  const ada = await newPerson();
  expect(await storyOf(ada, "user.registered")).toEqual([`success by ${ada.id} on user ${ada.id}`]);
  expect(await storyOf(ada, "user.login")).toEqual([expect.stringMatching(`^success by ${ada.id} on session ses_`)]);
  await send("POST", "/api/auth/login", { body: { email: ada.email, password: "wrong horse battery" } });
  expect(await storyOf(ada, "user.login_failed")).toHaveLength(1);

  const change = (currentPassword: string) =>
    ada.call("POST", "/api/auth/change-password", { currentPassword, newPassword: OTHER_PASSWORD });
  await ok(change("wrong horse battery"), 401);
  await ok(change(PASSWORD));
  expect(await storyOf(ada, "user.password_change_failed")).toEqual([`failure by ${ada.id} on user ${ada.id}`]);
  expect(await storyOf(ada, "user.password_changed")).toEqual([`success by ${ada.id} on user ${ada.id}`]);

  const other = await logIn(ada.email, OTHER_PASSWORD);
  const { sessions } = await ok(other.call("GET", "/api/auth/sessions"));
  const mine = sessions.find(({ current }: { current: boolean }) => current).id;
  await ok(ada.call("DELETE", `/api/auth/sessions/${mine}`), 204);
  expect(await storyOf(ada, "session.ended")).toEqual([`success by ${ada.id} on session ${mine}`]);

  const third = await logIn(ada.email, OTHER_PASSWORD);
  await ok(third.call("POST", "/api/auth/logout"), 204);
  expect(await storyOf(ada, "user.logout")).toEqual([expect.stringMatching(`^success by ${ada.id} on session ses_`)]);
});

test("what an admin does with people, keys and agents' tokens is recorded", async () => {
  const ada = await newPerson();
  const bob = await ok(
    ada.call("POST", "/api/v1/users", { email: newEmail(), role: "viewer", password: PASSWORD }),
    201,
  );
  await ok(ada.call("PATCH", `/api/v1/users/${bob.id}`, { role: "analyst" }));
  await ok(ada.call("DELETE", `/api/v1/users/${bob.id}`), 204);
  for (const action of ["user.created", "user.updated", "user.deactivated"]) {
    expect(await storyOf(ada, action)).toEqual([`success by ${ada.id} on user ${bob.id}`]);
  }

  const key = await newKey(ada);
  const rotated = await ok(ada.call("POST", `/api/v1/auth/api-keys/${key.id}/rotate`, {}), 201);
  await ok(ada.call("DELETE", `/api/v1/auth/api-keys/${rotated.id}`), 204);
  expect(await storyOf(ada, "apikey.created")).toEqual([`success by ${ada.id} on api_key ${key.id}`]);
  expect(await storyOf(ada, "apikey.rotated")).toEqual([`success by ${ada.id} on api_key ${key.id}`]);
  expect(await storyOf(ada, "apikey.revoked")).toEqual([`success by ${ada.id} on api_key ${rotated.id}`]);

  const agent = await ok(ada.call("POST", "/api/kubectl/tokens", { cluster_name: "c" }), 201);
  await ok(ada.call("DELETE", `/api/kubectl/tokens/${agent.id}`), 204);
  for (const action of ["kubectl_token.created", "kubectl_token.revoked"]) {
    expect(await storyOf(ada, action)).toEqual([`success by ${ada.id} on kubectl_token ${agent.id}`]);
  }
});

test("what becomes of a connection is recorded, with its provider and nothing else of it", async () => {
  const ada = await newPerson();
  const { id } = (await connectGrafana(ada)).body;
  await ok(ada.call("PATCH", `/api/v1/connections/${id}`, { shared: true }));
  await ok(ada.call("GET", `/api/v1/connections/${id}/token`));
  await ok(ada.call("DELETE", `/api/v1/connections/${id}`), 204);
  for (const action of ["connection.created", "connection.updated", "token.read", "connection.disconnected"]) {
    await expect
      .poll(() => storyOf(ada, action), { timeout: 5000 })
      .toEqual([`success by ${ada.id} on connection ${id}`]);
  }
  const connections = (await eventsOf(ada)).filter(({ resource }) => resource?.type === "connection");
  for (const { resource } of connections) expect(resource).toEqual({ type: "connection", id, provider: "grafana" });
});

test("who is refused, and who acts for whom, is recorded", async () => {
  const ada = await newPerson();
  const bob = await newColleague(ada, "operator");
  const { id } = (await connectGrafana(ada, { shared: true })).body;
  await ok(bob.call("DELETE", `/api/v1/connections/${id}`), 403);
  await ok(bob.call("GET", "/api/v1/users"), 403);
  expect(await storyOf(ada, "auth.forbidden")).toEqual([
    `failure by ${bob.id} on route DELETE /api/v1/connections/:id`,
    `failure by ${bob.id} on route GET /api/v1/users`,
  ]);

  const key = await newKey(ada, ["connections:read", "users:impersonate"]);
  await ok(key.call("GET", "/api/auth/me", undefined, { "x-user-id": bob.id }));
  await expect
    .poll(async () => (await eventsOf(ada)).find(({ action }) => action === "auth.impersonated"))
    .toMatchObject({
      actor: { type: "user", id: bob.id, via: key.id },
      resource: { type: "user", id: bob.id },
    });
});

test("every event of a call names its address and its request, and no event holds a secret or an address of mail", async () => {
  const ada = await newPerson();
  const key = await newKey(ada, ["tokens:read"]);
  await send("GET", "/api/auth/me", { headers: bearer(`${ada.token}x`) });
  const events = await eventsOf(ada);
  for (const { ip, request_id } of events) {
    expect(ip).toMatch(/^10\.\d+\.\d+\.\d+$/);
    expect(request_id).toMatch(/^req_[0-9a-f]{32}$/);
  }
  const text = JSON.stringify(events);
  for (const secret of [ada.email, ada.token, PASSWORD, key.secret]) expect(text).not.toContain(secret);
});
