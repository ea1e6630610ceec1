#pragma once

#include "base/result.h"
#include "store/database.h"

namespace amas::store {

/// The schema's version that this amas writes (PRAGMA user_version).
int schema_version();

/// Whether a database has the schema of schema_version(); an older one has not.
///
/// Errors: kFailedPrecondition when it is newer than that.
Result<bool> has_current_schema(Database& database);

/// Brings a database to schema_version(), one migration after the other, in one transaction.
///
/// Errors: kFailedPrecondition when it is newer than that.
Status migrate(Database& database);

}  // namespace amas::store
