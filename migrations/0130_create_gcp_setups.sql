-- How far the set-up of a Google Cloud connection is. The work is a Workflow's; this is what people and the cron see of it.
create table public.gcp_setups (
  connection_id text primary key references public.user_tokens (id) on delete cascade,
  workspace_id text not null references public.workspaces (id),
  attempt integer not null default 1 check (attempt >= 1),
  status text not null default 'running' check (status in ('running', 'needs_selection', 'success', 'partial', 'failed')),
  step integer not null default 1 check (step between 1 and 7),
  progress integer not null default 0 check (progress between 0 and 100),
  selection text[] check (cardinality(selection) between 1 and 5),
  projects jsonb not null default '[]' check (jsonb_typeof(projects) = 'array'),
  result jsonb check (jsonb_typeof(result) = 'object'),
  started_at timestamptz not null default now(),
  heard_at timestamptz not null default now(),
  check (status = 'running' or result is not null)
);
alter table public.gcp_setups enable row level security;
alter table public.gcp_setups force row level security;

-- take_stalled_gcp_setups.
create index gcp_setups_running on public.gcp_setups (heard_at) where status = 'running';

comment on table public.gcp_setups is 'How far the set-up of a Google Cloud connection is. References and sentences, never a secret.';
comment on column public.gcp_setups.attempt is 'A reconnect and a selection begin a new one; the Workflow of an older one can no longer write.';
comment on column public.gcp_setups.selection is 'The projects a person selected; null for all billed ones.';
comment on column public.gcp_setups.projects is '[{project_id, name}] that may be selected, as last found.';
comment on column public.gcp_setups.result is 'What it came to, as clients see it; null while it runs.';
comment on column public.gcp_setups.heard_at is 'The last sign of life, or when the cron last woke it.';

-- Lets definer functions work under FORCE, see workspaces.
create policy all_owner on public.gcp_setups to aurora_owner using (true) with check (true);
-- Whoever sees the connection, by the policies of its own table, sees how far its set-up is.
create policy select_visible on public.gcp_setups for select to aurora_app
  using (
    workspace_id = public.current_workspace_id()
    and exists (select from public.user_tokens t where t.id = connection_id)
  );
create policy insert_own on public.gcp_setups for insert to aurora_app
  with check (
    workspace_id = public.current_workspace_id()
    and exists (select from public.user_tokens t where t.id = connection_id and t.owner_id = public.current_user_id())
  );
create policy update_own on public.gcp_setups for update to aurora_app
  using (
    workspace_id = public.current_workspace_id()
    and exists (select from public.user_tokens t where t.id = connection_id and t.owner_id = public.current_user_id())
  )
  with check (
    workspace_id = public.current_workspace_id()
    and exists (select from public.user_tokens t where t.id = connection_id and t.owner_id = public.current_user_id())
  );

grant select (
  connection_id, workspace_id, attempt, status, step, progress, selection, projects, result, started_at, heard_at
) on public.gcp_setups to aurora_app;
grant insert (connection_id, workspace_id, selection) on public.gcp_setups to aurora_app;
grant update (
  attempt, status, step, progress, selection, projects, result, started_at, heard_at
) on public.gcp_setups to aurora_app;

create function public.take_stalled_gcp_setups(p_limit integer, p_idle_seconds integer)
  returns table (connection_id text, workspace_id text, owner_id text, attempt integer, selection text[])
  language sql volatile security definer
  set search_path = ''
as $$
  -- Materialized: as a subquery it could be run again, and take more than the limit.
  with stalled as materialized (
    select s.connection_id, t.owner_id
    from public.gcp_setups s
    join public.user_tokens t on t.id = s.connection_id
    where s.status = 'running'
      and s.heard_at < now() - make_interval(secs => p_idle_seconds)
      and t.is_active
    order by s.heard_at
    limit p_limit
    for update of s skip locked
  )
  update public.gcp_setups taken
  set heard_at = now()
  from stalled
  where taken.connection_id = stalled.connection_id
  returning taken.connection_id, taken.workspace_id, stalled.owner_id, taken.attempt, taken.selection
$$;
comment on function public.take_stalled_gcp_setups(integer, integer) is
  'Running set-ups of live connections without a sign of life for p_idle_seconds, longest first; they count as heard of now.';
revoke execute on function public.take_stalled_gcp_setups(integer, integer) from public;
grant execute on function public.take_stalled_gcp_setups(integer, integer) to aurora_app;
