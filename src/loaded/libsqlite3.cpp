// What weigh calls of SQLite, by its own names: whoever calls them need not know that the library is loaded then.
#include <sqlite3.h>

#include "src/loaded/library.h"

namespace {

const weigh::core::LoadedLibrary& library() {
  static const weigh::core::LoadedLibrary loaded({"libsqlite3.so.0", "libsqlite3.dylib"}, "libsqlite3-0");
  return loaded;
}

}  // namespace

int sqlite3_open_v2(const char* path, sqlite3** database, int flags, const char* system) {
  return WEIGH_CALL(sqlite3_open_v2)(path, database, flags, system);
}
int sqlite3_close(sqlite3* database) { return WEIGH_CALL(sqlite3_close)(database); }
const char* sqlite3_errmsg(sqlite3* database) { return WEIGH_CALL(sqlite3_errmsg)(database); }
int sqlite3_busy_timeout(sqlite3* database, int milliseconds) {
  return WEIGH_CALL(sqlite3_busy_timeout)(database, milliseconds);
}
int sqlite3_exec(sqlite3* database, const char* sql, int (*row)(void*, int, char**, char**), void* user, char** error) {
  return WEIGH_CALL(sqlite3_exec)(database, sql, row, user, error);
}
int sqlite3_prepare_v2(sqlite3* database, const char* sql, int size, sqlite3_stmt** statement, const char** tail) {
  return WEIGH_CALL(sqlite3_prepare_v2)(database, sql, size, statement, tail);
}
int sqlite3_step(sqlite3_stmt* statement) { return WEIGH_CALL(sqlite3_step)(statement); }
int sqlite3_reset(sqlite3_stmt* statement) { return WEIGH_CALL(sqlite3_reset)(statement); }
int sqlite3_finalize(sqlite3_stmt* statement) { return WEIGH_CALL(sqlite3_finalize)(statement); }
int sqlite3_bind_double(sqlite3_stmt* statement, int at, double number) {
  return WEIGH_CALL(sqlite3_bind_double)(statement, at, number);
}
int sqlite3_bind_int64(sqlite3_stmt* statement, int at, sqlite3_int64 number) {
  return WEIGH_CALL(sqlite3_bind_int64)(statement, at, number);
}
int sqlite3_bind_null(sqlite3_stmt* statement, int at) { return WEIGH_CALL(sqlite3_bind_null)(statement, at); }
int sqlite3_bind_text64(sqlite3_stmt* statement, int at, const char* text, sqlite3_uint64 size, void (*free)(void*),
                        unsigned char encoding) {
  return WEIGH_CALL(sqlite3_bind_text64)(statement, at, text, size, free, encoding);
}
int sqlite3_column_type(sqlite3_stmt* statement, int column) {
  return WEIGH_CALL(sqlite3_column_type)(statement, column);
}
int sqlite3_column_bytes(sqlite3_stmt* statement, int column) {
  return WEIGH_CALL(sqlite3_column_bytes)(statement, column);
}
sqlite3_int64 sqlite3_column_int64(sqlite3_stmt* statement, int column) {
  return WEIGH_CALL(sqlite3_column_int64)(statement, column);
}
const unsigned char* sqlite3_column_text(sqlite3_stmt* statement, int column) {
  return WEIGH_CALL(sqlite3_column_text)(statement, column);
}
