#pragma once

#include <string_view>

namespace weigh::core {

/// Whether a file that begins like this is something that Python unpickles: a pickle of any protocol, a PyTorch zip, a
/// NumPy array of objects. A few kilobytes are enough.
bool begins_like_pickle(std::string_view head);

/// Whether the bytes are, from their beginning, a whole pickle that calls something.
bool is_calling_pickle(std::string_view bytes);

}  // namespace weigh::core
