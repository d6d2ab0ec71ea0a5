import { z } from "@hono/zod-openapi";
import { nameField } from "../domain/identity-fields.ts";
import { clearSessionCookie, readSessionCookies } from "../middleware/session-cookie.ts";
import { changePassword } from "../services/identity/change-password.ts";
import type { StartedSession } from "../services/identity/log-in.ts";
import { logOut } from "../services/identity/log-out.ts";
import { registerUser } from "../services/identity/register-user.ts";
import { beginSession } from "./begin-session.ts";
import { callOf } from "./call.ts";
import { EmailSchema, NewPasswordSchema, PermissionSchema, RoleSchema } from "./identity-schemas.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";

const MAX_USERNAME_CHARACTERS = 254;

const RegisterBody = z
  .strictObject({
    email: EmailSchema,
    password: NewPasswordSchema,
    name: nameField.optional(),
    workspace_name: nameField.optional(),
  })
  .openapi("RegisterBody");
const LoginBody = z.strictObject({ email: EmailSchema, password: z.string() }).openapi("LoginBody");
const TokenBody = z
  .strictObject({ username: z.string().max(MAX_USERNAME_CHARACTERS), password: z.string() })
  .openapi("TokenBody");
const ChangePasswordBody = z
  .strictObject({ currentPassword: z.string(), newPassword: NewPasswordSchema })
  .openapi("ChangePasswordBody");

const token = { access_token: z.string(), token_type: z.literal("bearer"), expires_in: z.int() };
const account = { id: z.string(), email: z.string(), name: z.string().nullable(), workspace_id: z.string() };
const TokenAnswer = z.object(token).openapi("TokenAnswer");
const RegisterAnswer = z.object({ ...account, role: z.literal("admin") }).openapi("RegisterAnswer");
const LoginAnswer = z.object({ ...account, role: RoleSchema, ...token }).openapi("LoginAnswer");
const Me = z
  .object({
    ...account,
    email: z.string().nullable(),
    role: z.union([RoleSchema, z.literal("api_service")]),
    permissions: z.array(PermissionSchema),
  })
  .openapi("Me");

const register = defineRoute({
  method: "post",
  path: "/api/auth/register",
  summary: "Make a workspace and its first admin",
  access: "open",
  limit: "register_address",
  request: { body: { required: true, content: jsonContent(RegisterBody) } },
  responses: { 201: { description: "Registered; log in next", content: jsonContent(RegisterAnswer) } },
});

const login = defineRoute({
  method: "post",
  path: "/api/auth/login",
  summary: "Begin a session",
  access: "open",
  limit: "login_address",
  request: { body: { required: true, content: jsonContent(LoginBody) } },
  responses: { 200: { description: "The session, also set as a cookie", content: jsonContent(LoginAnswer) } },
});

const issueToken = defineRoute({
  method: "post",
  path: "/api/v1/auth/token",
  summary: "Begin a session, answered as a token only",
  access: "open",
  limit: "login_address",
  request: { body: { required: true, content: jsonContent(TokenBody) } },
  responses: { 200: { description: "The session, also set as a cookie", content: jsonContent(TokenAnswer) } },
});

const logout = defineRoute({
  method: "post",
  path: "/api/auth/logout",
  summary: "End this session",
  access: "session",
  request: { body: jsonBody(z.strictObject({})) },
  responses: { 204: { description: "Ended" } },
});

const me = defineRoute({
  method: "get",
  path: "/api/auth/me",
  summary: "Who is calling",
  access: "any",
  responses: { 200: { description: "The caller", content: jsonContent(Me) } },
});

const passwordChange = defineRoute({
  method: "post",
  path: "/api/auth/change-password",
  summary: "Change one's own password; every other session ends",
  access: "any",
  limit: "change_password",
  request: { body: { required: true, content: jsonContent(ChangePasswordBody) } },
  responses: { 200: { description: "Changed", content: jsonContent(z.object({ message: z.string() })) } },
});

/** Registering, signing in and out, and one's own password. */
export const authRoutes = createRouter()
  .openapi(register, async (c) => {
    const { email, password, name, workspace_name } = c.req.valid("json");
    const draft = { email, password, name: name ?? null, workspaceName: workspace_name ?? null };
    const user = await registerUser(c.var.deps, draft, callOf(c));
    const { id, workspaceId } = user;
    return c.json({ id, email, name: user.name, role: "admin" as const, workspace_id: workspaceId }, 201);
  })
  .openapi(login, async (c) => {
    const { email, password } = c.req.valid("json");
    const session = await beginSession(c, email, password);
    const { id, name, role, workspaceId } = session.user;
    return c.json({ id, email: session.user.email, name, role, workspace_id: workspaceId, ...tokenOf(session) }, 200);
  })
  .openapi(issueToken, async (c) => {
    const { username, password } = c.req.valid("json");
    return c.json(tokenOf(await beginSession(c, username.toLowerCase(), password)), 200);
  })
  .openapi(logout, async (c) => {
    await logOut(c.var.deps, c.var.principal, readSessionCookies(c), callOf(c));
    clearSessionCookie(c);
    return c.body(null, 204);
  })
  .openapi(me, (c) => {
    const { id, email, name, role, workspaceId, permissions } = c.var.principal;
    return c.json({ id, email, name, role, workspace_id: workspaceId, permissions: [...permissions] }, 200);
  })
  .openapi(passwordChange, async (c) => {
    await changePassword(c.var.deps, c.var.principal, c.req.valid("json"), callOf(c));
    return c.json({ message: "Password changed successfully" }, 200);
  });

function tokenOf({ token: access_token, expiresInSeconds }: StartedSession) {
  return { access_token, token_type: "bearer" as const, expires_in: expiresInSeconds };
}
