import { z } from "@hono/zod-openapi";
import { nameField } from "../domain/identity-fields.ts";
import { requireId } from "../domain/ids.ts";
import { createUser } from "../services/identity/create-user.ts";
import { deactivateUser } from "../services/identity/deactivate-user.ts";
import { listUsers } from "../services/identity/list-users.ts";
import { updateUser } from "../services/identity/update-user.ts";
import { callOf } from "./call.ts";
import { EmailSchema, IdParam, NewPasswordSchema, RoleSchema, renderUser, UserSchema } from "./identity-schemas.ts";
import { releaseFor } from "./release-for.ts";
import { createRouter, defineRoute, jsonContent } from "./router.ts";
import { PageQuery, pageOf } from "./schemas.ts";

const CreateUserBody = z
  .strictObject({
    email: EmailSchema,
    role: RoleSchema,
    name: nameField.nullish(),
    password: NewPasswordSchema.optional().openapi({ description: "Without one, only a key can act for this person" }),
  })
  .openapi("CreateUserBody");
const UpdateUserBody = z
  .strictObject({
    role: RoleSchema.optional(),
    name: nameField.nullish(),
    active: z.boolean().optional(),
    password: NewPasswordSchema.optional(),
  })
  .openapi("UpdateUserBody");
const UserPage = z.object({ users: z.array(UserSchema), next: z.string().nullable() }).openapi("UserPage");

const list = defineRoute({
  method: "get",
  path: "/api/v1/users",
  summary: "The people of the workspace",
  access: "users:manage",
  request: { query: PageQuery },
  responses: { 200: { description: "The people, oldest first", content: jsonContent(UserPage) } },
});

const create = defineRoute({
  method: "post",
  path: "/api/v1/users",
  summary: "Add a person to the workspace",
  access: "users:manage",
  request: { body: { required: true, content: jsonContent(CreateUserBody) } },
  responses: { 201: { description: "The person", content: jsonContent(UserSchema) } },
});

const update = defineRoute({
  method: "patch",
  path: "/api/v1/users/{id}",
  summary: "Change a person; a new role, a new password or deactivation ends their sessions",
  access: "users:manage",
  request: { params: IdParam, body: { required: true, content: jsonContent(UpdateUserBody) } },
  responses: { 200: { description: "The person", content: jsonContent(UserSchema) } },
});

const remove = defineRoute({
  method: "delete",
  path: "/api/v1/users/{id}",
  summary:
    "Deactivate a person: private connections are disconnected, shared ones pass to the caller, or another admin",
  access: "users:manage",
  request: { params: IdParam },
  responses: { 204: { description: "Deactivated" } },
});

/** The people of a workspace, for its admins. */
export const userRoutes = createRouter()
  .openapi(list, async (c) => {
    const { items, next } = await listUsers(c.var.deps, c.var.principal, pageOf(c.req.valid("query")));
    return c.json({ users: items.map(renderUser), next }, 200);
  })
  .openapi(create, async (c) => {
    const { email, role, name, password } = c.req.valid("json");
    const draft = { email, role, name: name ?? null, password: password ?? null };
    return c.json(renderUser(await createUser(c.var.deps, c.var.principal, draft, callOf(c))), 201);
  })
  .openapi(update, async (c) => {
    const id = requireId("usr", c.req.valid("param").id);
    const { active: isActive, ...edit } = c.req.valid("json");
    const { deps, principal } = c.var;
    const user = await updateUser(deps, principal, id, { ...edit, isActive }, releaseFor(c), callOf(c));
    return c.json(renderUser(user), 200);
  })
  .openapi(remove, async (c) => {
    const id = requireId("usr", c.req.valid("param").id);
    await deactivateUser(c.var.deps, c.var.principal, id, releaseFor(c), callOf(c));
    return c.body(null, 204);
  });
