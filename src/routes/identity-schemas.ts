import { z } from "@hono/zod-openapi";
import { emailField, MAX_EMAIL_CHARACTERS } from "../domain/identity-fields.ts";
import { PERMISSIONS, USER_ROLES } from "../domain/permissions.ts";
import type { User } from "../domain/ports/identity.ts";
import { toRfc3339 } from "../domain/time.ts";

/** Stored and compared in lower case. */
export const EmailSchema = z.string().openapi({ format: "email", maxLength: MAX_EMAIL_CHARACTERS }).pipe(emailField);
/** Checked by the rule of passwords, whose refusal says what is wrong. */
export const NewPasswordSchema = z.string().openapi({ description: "8 characters to 72 bytes of UTF-8" });
export const RoleSchema = z.enum(USER_ROLES).openapi("Role");
export const PermissionSchema = z.enum(PERMISSIONS).openapi("Permission");

/** A person as admins see them. */
export const UserSchema = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string().nullable(),
    role: RoleSchema,
    active: z.boolean(),
    workspace_id: z.string(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .openapi("User");

export function renderUser(user: User): z.infer<typeof UserSchema> {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    role: user.role,
    active: user.isActive,
    workspace_id: user.workspaceId,
    created_at: toRfc3339(user.createdAt),
    updated_at: toRfc3339(user.updatedAt),
  };
}

export const IdParam = z.object({ id: z.string() });
