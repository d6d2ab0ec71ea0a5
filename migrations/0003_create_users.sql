create table public.users (
  id text primary key check (id ~ '^usr_[0-9a-f]{32}$'),
  workspace_id text not null references public.workspaces (id),
  email text not null unique check (email = lower(email) and email <> ''),
  name text,
  password_hash text,
  role text not null check (role in ('admin', 'operator', 'analyst', 'viewer')),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- What sessions and keys refer to, so that neither can name a user of another workspace.
  unique (id, workspace_id)
);
alter table public.users enable row level security;
alter table public.users force row level security;

-- The users of a workspace in order, and its active admins (the last one must stay).
create index users_by_workspace on public.users (workspace_id, created_at, id);

comment on table public.users is 'A person. Deactivated, never deleted: audit names them.';
comment on column public.users.password_hash is 'bcrypt; null for a user who can only be impersonated. Out of reach of aurora_app but for the definer functions.';

-- Lets definer functions work under FORCE, see workspaces.
create policy all_owner on public.users to aurora_owner using (true) with check (true);
create policy select_workspace on public.users for select to aurora_app
  using (workspace_id = public.current_workspace_id());
create policy insert_workspace on public.users for insert to aurora_app
  with check (workspace_id = public.current_workspace_id());
create policy update_workspace on public.users for update to aurora_app
  using (workspace_id = public.current_workspace_id())
  with check (workspace_id = public.current_workspace_id());

grant select (id, workspace_id, email, name, role, is_active, created_at, updated_at) on public.users to aurora_app;
grant insert (id, workspace_id, email, name, role, is_active, created_at, updated_at) on public.users to aurora_app;
-- Emails do not change, nor does a user move to another workspace.
grant update (name, role, is_active, updated_at) on public.users to aurora_app;
