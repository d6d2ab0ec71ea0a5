-- Who a transaction acts for. The Worker sets both with set_config(..., true) in the batch of every statement.

-- Only what is granted by name may be called.
alter default privileges revoke execute on functions from public;

create function public.current_user_id() returns text
  language sql stable parallel safe
  -- Without a SET clause the planner can inline it, so that policies use indexes.
  return nullif(current_setting('myapp.current_user_id', true), '');
comment on function public.current_user_id() is
  'The user or key this transaction acts for; null without context, which matches no row.';
revoke execute on function public.current_user_id() from public;
grant execute on function public.current_user_id() to aurora_app;

create function public.current_workspace_id() returns text
  language sql stable parallel safe
  return nullif(current_setting('myapp.current_workspace_id', true), '');
comment on function public.current_workspace_id() is
  'The workspace this transaction acts in; null without context, which matches no row.';
revoke execute on function public.current_workspace_id() from public;
grant execute on function public.current_workspace_id() to aurora_app;
