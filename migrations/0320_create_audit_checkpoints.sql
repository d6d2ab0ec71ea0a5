create table public.audit_checkpoints (
  -- No foreign key, as in audit_events.
  workspace_id text not null check (workspace_id ~ '^wsp_([0-9a-f]{32}|unauthenticated)$'),
  seq bigint not null check (seq > 0),
  hash char(64) not null check (hash ~ '^[0-9a-f]{64}$'),
  at timestamptz not null,
  key_id text not null check (key_id ~ '^[A-Za-z0-9_-]{43}$'),
  signature text not null check (signature ~ '^[A-Za-z0-9_-]{86}$'),
  -- Also answers a workspace's checkpoints from a number on.
  primary key (workspace_id, seq)
);
alter table public.audit_checkpoints enable row level security;
alter table public.audit_checkpoints force row level security;

comment on table public.audit_checkpoints is
  'Signed statements of what hash a chain had at a number. Kept when the events before it are pruned.';
comment on column public.audit_checkpoints.key_id is 'The thumbprint of the Ed25519 key, whose secret half is in Vault.';

-- Lets definer functions work under FORCE, see workspaces.
create policy all_owner on public.audit_checkpoints to aurora_owner using (true) with check (true);
create policy select_workspace on public.audit_checkpoints for select to aurora_app
  using (workspace_id = public.current_workspace_id());
create policy insert_workspace on public.audit_checkpoints for insert to aurora_app
  with check (workspace_id = public.current_workspace_id());

grant select (workspace_id, seq, hash, at, key_id, signature) on public.audit_checkpoints to aurora_app;
grant insert (workspace_id, seq, hash, at, key_id, signature) on public.audit_checkpoints to aurora_app;
