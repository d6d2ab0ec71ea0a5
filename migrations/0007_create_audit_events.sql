create table public.audit_events (
  -- No foreign key: what happened to nobody's workspace is kept under wsp_unauthenticated.
  workspace_id text not null check (workspace_id ~ '^wsp_([0-9a-f]{32}|unauthenticated)$'),
  seq bigint not null check (seq > 0),
  at timestamptz not null,
  action text not null,
  outcome text not null,
  actor jsonb,
  resource jsonb,
  ip text,
  request_id text,
  detail jsonb,
  prev_hash char(64) check (prev_hash ~ '^[0-9a-f]{64}$'),
  hash char(64) not null check (hash ~ '^[0-9a-f]{64}$'),
  event text not null,
  -- Also answers a workspace's events from a number on.
  primary key (workspace_id, seq)
);
alter table public.audit_events enable row level security;
alter table public.audit_events force row level security;

-- Events of one action, from a number on.
create index audit_events_by_action on public.audit_events (workspace_id, action, seq);
-- Events of one actor, from a number on.
create index audit_events_by_actor on public.audit_events (workspace_id, (actor ->> 'id'), seq);
-- What happened in a period, for the metrics.
create index audit_events_by_time on public.audit_events (workspace_id, at);

comment on table public.audit_events is 'What happened, chained by hash. The AuditLog object numbers it; the Worker adds and reads, no more.';
comment on column public.audit_events.event is 'The canonical JSON text that was hashed with prev_hash.';

-- Lets the owner verify, export and purge under FORCE, see workspaces.
create policy all_owner on public.audit_events to aurora_owner using (true) with check (true);
create policy select_workspace on public.audit_events for select to aurora_app
  using (workspace_id = public.current_workspace_id());
create policy insert_workspace on public.audit_events for insert to aurora_app
  with check (workspace_id = public.current_workspace_id());

grant select (workspace_id, seq, at, action, outcome, actor, resource, ip, request_id, detail, prev_hash, hash, event)
  on public.audit_events to aurora_app;
grant insert (workspace_id, seq, at, action, outcome, actor, resource, ip, request_id, detail, prev_hash, hash, event)
  on public.audit_events to aurora_app;
