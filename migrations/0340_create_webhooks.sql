-- Where a workspace wants to be told of what happens to it.
create table public.webhooks (
  id text primary key check (id ~ '^whk_[0-9a-f]{32}$'),
  workspace_id text not null references public.workspaces (id),
  url text not null check (url ~ '^https?://' and length(url) <= 2048),
  events text[] not null check (cardinality(events) between 1 and 32),
  secret_ref text not null unique check (secret_ref ~ '^vault:kv/data/[A-Za-z0-9_./-]+$'),
  after_seq bigint not null default 0 check (after_seq >= 0),
  is_active boolean not null default true,
  inactive_reason text check (inactive_reason in ('paused', 'gone', 'failing')),
  failing_since timestamptz,
  due_at timestamptz,
  sweep_leased_until timestamptz,
  created_by text not null check (created_by ~ '^(usr|key)_[0-9a-f]{32}$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  secret_erased_at timestamptz,
  -- What a delivery refers to, so that none is ever of another workspace than its webhook.
  unique (id, workspace_id),
  check (is_active = (inactive_reason is null and deleted_at is null)),
  check (secret_erased_at is null or deleted_at is not null)
);
alter table public.webhooks enable row level security;
alter table public.webhooks force row level security;

-- The webhooks of a workspace, in order.
create index webhooks_by_workspace on public.webhooks (workspace_id, created_at, id) where deleted_at is null;
-- lease_due_webhooks.
create index webhooks_due on public.webhooks (due_at)
  where due_at is not null and (is_active or deleted_at is not null);
-- purge_webhook_deliveries.
create index webhooks_erased on public.webhooks (secret_erased_at) where secret_erased_at is not null;

comment on table public.webhooks is 'An address a workspace is told of events at, and where its signing secret lives, never the secret.';
comment on column public.webhooks.events is 'Names of events, and of groups of them: apikey.*.';
comment on column public.webhooks.secret_ref is 'vault:kv/data/{mount}/{path}.';
comment on column public.webhooks.after_seq is 'The last audit event before it was made: it is told of later ones only.';
comment on column public.webhooks.inactive_reason is 'paused: by an admin. gone: the receiver answered 410. failing: nothing got through for days.';
comment on column public.webhooks.failing_since is 'The first failed try after the last good one; null while it works.';
comment on column public.webhooks.due_at is 'When its sender has something to do, or earlier; null when there is nothing.';
comment on column public.webhooks.sweep_leased_until is 'A sweep has it until then.';

-- Lets definer functions work under FORCE, see workspaces.
create policy all_owner on public.webhooks to aurora_owner using (true) with check (true);
create policy select_workspace on public.webhooks for select to aurora_app
  using (workspace_id = public.current_workspace_id());
-- Nobody makes one in another's name.
create policy insert_own on public.webhooks for insert to aurora_app
  with check (workspace_id = public.current_workspace_id() and created_by = public.current_user_id());
-- One whose secret is gone is never revived.
create policy update_workspace on public.webhooks for update to aurora_app
  using (workspace_id = public.current_workspace_id() and secret_erased_at is null)
  with check (workspace_id = public.current_workspace_id());

grant select (
  id, workspace_id, url, events, secret_ref, after_seq, is_active, inactive_reason, failing_since, due_at,
  sweep_leased_until, created_by, created_at, updated_at, deleted_at, secret_erased_at
) on public.webhooks to aurora_app;
grant insert (id, workspace_id, url, events, secret_ref, after_seq, created_by) on public.webhooks to aurora_app;
grant update (
  url, events, is_active, inactive_reason, failing_since, due_at, updated_at, deleted_at, secret_erased_at
) on public.webhooks to aurora_app;
