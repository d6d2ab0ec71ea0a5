create table public.api_keys (
  id text primary key check (id ~ '^key_[0-9a-f]{32}$'),
  workspace_id text not null references public.workspaces (id),
  service_name text not null check (service_name <> ''),
  key_hash char(64) not null unique check (key_hash ~ '^[0-9a-f]{64}$'),
  key_prefix text not null,
  -- A key can never manage users, whatever the code above says.
  permissions text[] not null check (not 'users:manage' = any (permissions)),
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  replaced_by text references public.api_keys (id),
  foreign key (created_by, workspace_id) references public.users (id, workspace_id)
);
alter table public.api_keys enable row level security;
alter table public.api_keys force row level security;

-- The keys of a workspace, in order.
create index api_keys_by_workspace on public.api_keys (workspace_id, created_at, id);

comment on table public.api_keys is 'A service''s key. It outlives its maker.';
comment on column public.api_keys.key_hash is 'SHA-256 of the key, hex. aurora_app can write it and never read it.';
comment on column public.api_keys.key_prefix is 'What people tell keys apart by; not derived from the key.';
comment on column public.api_keys.replaced_by is 'The key it was rotated to; this one works until expires_at.';

-- Lets definer functions work under FORCE, see workspaces.
create policy all_owner on public.api_keys to aurora_owner using (true) with check (true);
create policy select_workspace on public.api_keys for select to aurora_app
  using (workspace_id = public.current_workspace_id());
create policy insert_workspace on public.api_keys for insert to aurora_app
  with check (workspace_id = public.current_workspace_id());
-- Only one that was not revoked may be changed, so that none is ever revived.
create policy update_workspace on public.api_keys for update to aurora_app
  using (workspace_id = public.current_workspace_id() and revoked_at is null)
  with check (workspace_id = public.current_workspace_id());

grant select (id, workspace_id, service_name, key_prefix, permissions, created_by, created_at, expires_at, revoked_at, last_used_at, replaced_by)
  on public.api_keys to aurora_app;
grant insert (id, workspace_id, service_name, key_hash, key_prefix, permissions, created_by, created_at, expires_at)
  on public.api_keys to aurora_app;
grant update (expires_at, revoked_at, replaced_by) on public.api_keys to aurora_app;
