create table public.sessions (
  id text primary key check (id ~ '^ses_[0-9a-f]{32}$'),
  user_id text not null,
  workspace_id text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ip text,
  user_agent text,
  ended_at timestamptz,
  foreign key (user_id, workspace_id) references public.users (id, workspace_id)
);
alter table public.sessions enable row level security;
alter table public.sessions force row level security;

-- A user's own sessions, and ending them all.
create index sessions_live_by_user on public.sessions (user_id, expires_at) where ended_at is null;

comment on table public.sessions is 'A sign-in; its id is the jti of the token. Ended by logout, a password or role change, deactivation.';

-- Lets definer functions work under FORCE, see workspaces.
create policy all_owner on public.sessions to aurora_owner using (true) with check (true);
create policy select_own on public.sessions for select to aurora_app
  using (user_id = public.current_user_id() and workspace_id = public.current_workspace_id());
create policy insert_own on public.sessions for insert to aurora_app
  with check (user_id = public.current_user_id() and workspace_id = public.current_workspace_id());
-- Only a live one may be changed, so that none is ever revived.
create policy update_own on public.sessions for update to aurora_app
  using (user_id = public.current_user_id() and workspace_id = public.current_workspace_id() and ended_at is null)
  with check (user_id = public.current_user_id() and workspace_id = public.current_workspace_id());

grant select (id, user_id, workspace_id, created_at, expires_at, ip, user_agent, ended_at) on public.sessions to aurora_app;
grant insert (id, user_id, workspace_id, created_at, expires_at, ip, user_agent) on public.sessions to aurora_app;
grant update (ended_at) on public.sessions to aurora_app;
