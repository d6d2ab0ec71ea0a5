-- What must work before a user is known, or touches what aurora_app may not read. Each returns only what is needed.

create function public.find_login(p_email text)
  returns table (user_id text, workspace_id text, email text, name text, role text, password_hash text, is_active boolean)
  language sql stable security definer
  set search_path = ''
as $$
  select u.id, u.workspace_id, u.email, u.name, u.role, u.password_hash, u.is_active
  from public.users u
  where u.email = lower(p_email)
$$;
comment on function public.find_login(text) is 'The user with that email, to check a password against; no row when there is none.';
revoke execute on function public.find_login(text) from public;
grant execute on function public.find_login(text) to aurora_app;

create function public.register_account(
  p_workspace_id text, p_workspace_name text, p_user_id text, p_email text, p_name text, p_password_hash text,
  p_first_only boolean
)
  returns void
  language plpgsql volatile security definer
  set search_path = ''
as $$
begin
  if p_first_only then
    -- The second of two waits here until the first has committed, and then sees its user.
    perform pg_advisory_xact_lock(hashtextextended('aurora.register_account', 0));
    if exists (select from public.users) then
      raise exception 'registration is closed' using errcode = 'AE001';
    end if;
  end if;
  insert into public.workspaces (id, name) values (p_workspace_id, p_workspace_name);
  insert into public.users (id, workspace_id, email, name, password_hash, role)
  values (p_user_id, p_workspace_id, lower(p_email), p_name, p_password_hash, 'admin');
end
$$;
comment on function public.register_account(text, text, text, text, text, text, boolean) is
  'A new workspace and its first admin. Raises 23505 when the email is taken, AE001 when p_first_only and anybody is there.';
revoke execute on function public.register_account(text, text, text, text, text, text, boolean) from public;
grant execute on function public.register_account(text, text, text, text, text, text, boolean) to aurora_app;

create function public.read_password_hash(p_user_id text) returns text
  language sql stable security definer
  set search_path = ''
as $$
  select u.password_hash
  from public.users u
  where u.id = p_user_id
    and u.id = public.current_user_id()
    and u.workspace_id = public.current_workspace_id()
$$;
comment on function public.read_password_hash(text) is 'The password hash of the current user; null for anyone else.';
revoke execute on function public.read_password_hash(text) from public;
grant execute on function public.read_password_hash(text) to aurora_app;

create function public.set_password_hash(p_user_id text, p_hash text) returns boolean
  language sql volatile security definer
  set search_path = ''
as $$
  with changed as (
    update public.users u
    set password_hash = p_hash, updated_at = now()
    where u.id = p_user_id and u.workspace_id = public.current_workspace_id()
    returning 1
  )
  select exists (select from changed)
$$;
comment on function public.set_password_hash(text, text) is
  'Sets the password of a user of the current workspace; false when there is no such user.';
revoke execute on function public.set_password_hash(text, text) from public;
grant execute on function public.set_password_hash(text, text) to aurora_app;

create function public.end_sessions(p_user_id text, p_except_session text) returns integer
  language sql volatile security definer
  set search_path = ''
as $$
  with ended as (
    update public.sessions s
    set ended_at = now()
    where s.user_id = p_user_id
      and s.workspace_id = public.current_workspace_id()
      and s.ended_at is null
      and s.id is distinct from p_except_session
    returning 1
  )
  select count(*)::integer from ended
$$;
comment on function public.end_sessions(text, text) is
  'Ends the sessions of a user of the current workspace, but p_except_session (null for none); answers how many.';
revoke execute on function public.end_sessions(text, text) from public;
grant execute on function public.end_sessions(text, text) to aurora_app;
