create table public.user_tokens (
  id text primary key check (id ~ '^con_[0-9a-f]{32}$'),
  workspace_id text not null references public.workspaces (id),
  owner_id text not null check (owner_id ~ '^(usr|key)_[0-9a-f]{32}$'),
  provider text not null check (provider ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
  account text not null default '',
  upstream_account char(64) check (upstream_account ~ '^[0-9a-f]{64}$'),
  label text,
  shared boolean not null default false,
  status text not null default 'connecting' check (status in ('connecting', 'active', 'degraded', 'reauth_required')),
  scopes text[] not null default '{}',
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  -- Unique over live and soft-deleted rows alike: a late erase can never hit a newer secret.
  secret_ref text not null unique check (secret_ref ~ '^vault:kv/data/[A-Za-z0-9_./-]+$'),
  version integer not null default 0 check (version >= 0),
  issued_at timestamptz,
  expires_at timestamptz,
  refresh_due_at timestamptz,
  sweep_leased_until timestamptz,
  last_refreshed_at timestamptz,
  last_error text,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
alter table public.user_tokens enable row level security;
alter table public.user_tokens force row level security;

-- One live connection per owner, provider and account; also the owner's own by provider.
create unique index user_tokens_live_account on public.user_tokens (owner_id, provider, account) where is_active;
-- The shared ones of a workspace, by provider.
create index user_tokens_shared on public.user_tokens (workspace_id, provider) where is_active and shared;
-- list_due_connections.
create index user_tokens_due on public.user_tokens (refresh_due_at)
  where is_active and status in ('active', 'degraded');
-- has_other_live_grant.
create index user_tokens_live_grant on public.user_tokens (provider, upstream_account)
  where is_active and upstream_account is not null;
-- The purge of what was soft-deleted long ago.
create index user_tokens_deleted on public.user_tokens (deleted_at) where not is_active;

comment on table public.user_tokens is 'A connection: where its secret lives, never the secret.';
comment on column public.user_tokens.account is 'Tells several connections of one owner at one provider apart; empty when there is nothing to tell.';
comment on column public.user_tokens.upstream_account is 'SHA-256 (hex) of the account at the provider: finds others holding the same grant.';
comment on column public.user_tokens.secret_ref is 'vault:kv/data/{mount}/{path}.';
comment on column public.user_tokens.version is 'The Vault version last written; 0 before the first.';
comment on column public.user_tokens.refresh_due_at is 'When its keeper''s alarm is due; null when there is nothing to refresh.';
comment on column public.user_tokens.sweep_leased_until is 'A sweep has it until then.';

-- Lets definer functions work under FORCE, see workspaces.
create policy all_owner on public.user_tokens to aurora_owner using (true) with check (true);
create policy select_own on public.user_tokens for select to aurora_app
  using (owner_id = public.current_user_id() and workspace_id = public.current_workspace_id());
-- What the owner has disconnected is nobody else's to see.
create policy select_shared on public.user_tokens for select to aurora_app
  using (shared and is_active and workspace_id = public.current_workspace_id());
create policy insert_own on public.user_tokens for insert to aurora_app
  with check (owner_id = public.current_user_id() and workspace_id = public.current_workspace_id());
-- An owner may hand a shared one over within the workspace.
create policy update_own on public.user_tokens for update to aurora_app
  using (owner_id = public.current_user_id() and workspace_id = public.current_workspace_id())
  with check ((owner_id = public.current_user_id() or shared) and workspace_id = public.current_workspace_id());

grant select (
  id, workspace_id, owner_id, provider, account, upstream_account, label, shared, status, scopes, metadata, secret_ref,
  version, issued_at, expires_at, refresh_due_at, sweep_leased_until, last_refreshed_at, last_error, is_active,
  created_at, updated_at, deleted_at
) on public.user_tokens to aurora_app;
grant insert (
  id, workspace_id, owner_id, provider, account, upstream_account, label, shared, status, scopes, metadata, secret_ref,
  version, issued_at, expires_at, refresh_due_at, sweep_leased_until, last_refreshed_at, last_error, is_active,
  created_at, updated_at, deleted_at
) on public.user_tokens to aurora_app;
-- Who it belongs to may change; what it is and where its secret lives may not.
grant update (
  owner_id, account, upstream_account, label, shared, status, scopes, metadata, version, issued_at, expires_at,
  refresh_due_at, sweep_leased_until, last_refreshed_at, last_error, is_active, updated_at, deleted_at
) on public.user_tokens to aurora_app;
