@rem SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
@rem The scripts of package.json begin with "exec", so that a signal sent to npm reaches the launcher and npm waits for
@rem it, instead of a shell in between. cmd.exe has no such word and finds this file.
@%*
