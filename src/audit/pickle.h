#pragma once

#include <string_view>

namespace weigh::core {

/// Whether a file with this beginning is something that Python unpickles: a pickle of any protocol, a PyTorch zip, or a
/// NumPy array of objects. A few kilobytes are enough to tell.
bool begins_like_pickle(std::string_view head);

/// Whether the bytes begin with a complete pickle that calls a function.
bool is_calling_pickle(std::string_view bytes);

}  // namespace weigh::core
