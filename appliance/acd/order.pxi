# An order kept while it changes: a treap (Seidel and Aragon, "Randomized search trees", 1996) with the size and the sum of
# weights of each subtree. Insert, erase, first, successor, rank and choice by rank or weight each take log n. The nodes
# live inside their owners, so nothing is allocated; whoever owns a node erases it before it dies.

cdef struct Node:
    double k0           # the order: by k0, then k1, then k2, then tie, each ascending
    double k1
    double k2
    unsigned long long tie
    unsigned int heap   # the treap's priority: a hash of tie, so that the tree does not depend on its history
    int size
    double weight
    double total
    Node *left
    Node *right
    void *owner


cdef inline unsigned long long mix(unsigned long long x) noexcept nogil:
    """splitmix64's finisher (Steele, Lea, Flood 2014)."""
    x = (x ^ (x >> 30)) * <unsigned long long>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <unsigned long long>0x94D049BB133111EB
    return x ^ (x >> 31)


cdef inline void node_set(Node *n, double k0, double k1, double k2, unsigned long long tie, double weight, void *owner) noexcept:
    n.k0 = k0
    n.k1 = k1
    n.k2 = k2
    n.tie = tie
    n.heap = <unsigned int>mix(tie + <unsigned long long>0x9E3779B97F4A7C15)
    n.size = 1
    n.weight = weight
    n.total = weight
    n.left = NULL
    n.right = NULL
    n.owner = owner


cdef inline bint before(const Node *a, const Node *b) noexcept nogil:
    if a.k0 != b.k0:
        return a.k0 < b.k0
    if a.k1 != b.k1:
        return a.k1 < b.k1
    if a.k2 != b.k2:
        return a.k2 < b.k2
    return a.tie < b.tie


cdef inline int size_of(const Node *t) noexcept nogil:
    return t.size if t != NULL else 0


cdef inline void _sum(Node *t) noexcept nogil:
    t.size = 1
    t.total = t.weight
    if t.left != NULL:
        t.size += t.left.size
        t.total += t.left.total
    if t.right != NULL:
        t.size += t.right.size
        t.total += t.right.total


cdef void _split(Node *t, const Node *at, Node **low, Node **high) noexcept nogil:
    if t == NULL:
        low[0] = NULL
        high[0] = NULL
    elif before(t, at):
        low[0] = t
        _split(t.right, at, &t.right, high)
        _sum(t)
    else:
        high[0] = t
        _split(t.left, at, low, &t.left)
        _sum(t)


cdef Node *_merge(Node *low, Node *high) noexcept nogil:
    if low == NULL:
        return high
    if high == NULL:
        return low
    if low.heap > high.heap:
        low.right = _merge(low.right, high)
        _sum(low)
        return low
    high.left = _merge(low, high.left)
    _sum(high)
    return high


cdef Node *_insert(Node *t, Node *n) noexcept nogil:
    cdef Node *low
    cdef Node *high
    if t == NULL:
        return n
    if n.heap > t.heap:
        low = NULL
        high = NULL
        _split(t, n, &low, &high)
        n.left = low
        n.right = high
        _sum(n)
        return n
    if before(n, t):
        t.left = _insert(t.left, n)
    else:
        t.right = _insert(t.right, n)
    _sum(t)
    return t


cdef Node *_erase(Node *t, Node *n) noexcept nogil:
    if t == NULL:
        return NULL
    if t == n:
        return _merge(t.left, t.right)
    if before(n, t):
        t.left = _erase(t.left, n)
    else:
        t.right = _erase(t.right, n)
    _sum(t)
    return t


cdef inline void tree_insert(Node **root, Node *n) noexcept nogil:
    n.left = NULL
    n.right = NULL
    _sum(n)
    root[0] = _insert(root[0], n)


cdef inline void tree_erase(Node **root, Node *n) noexcept nogil:
    root[0] = _erase(root[0], n)


cdef inline Node *tree_first(Node *t) noexcept nogil:
    if t != NULL:
        while t.left != NULL:
            t = t.left
    return t


cdef Node *tree_after(Node *t, const Node *n) noexcept nogil:
    """The first that comes after `n`, which need not be in the tree; NULL: none."""
    cdef Node *found = NULL
    while t != NULL:
        if before(n, t):
            found = t
            t = t.left
        else:
            t = t.right
    return found


cdef int tree_rank(const Node *t, const Node *n) noexcept nogil:
    """How many come before `n`, which need not be in the tree."""
    cdef int rank = 0
    while t != NULL:
        if before(t, n):
            rank += 1 + size_of(t.left)
            t = t.right
        else:
            t = t.left
    return rank


cdef Node *tree_at(Node *t, int index) noexcept nogil:
    """The one with `index` others before it; NULL: there are not so many."""
    cdef int low
    while t != NULL:
        low = size_of(t.left)
        if index == low:
            return t
        if index < low:
            t = t.left
        else:
            index -= low + 1
            t = t.right
    return NULL


cdef double tree_weight_before(const Node *t, const Node *n) noexcept nogil:
    """The weights of all that come before `n`, together."""
    cdef double weight = 0.0
    while t != NULL:
        if before(t, n):
            weight += t.weight + (t.left.total if t.left != NULL else 0.0)
            t = t.right
        else:
            t = t.left
    return weight


cdef Node *tree_at_weight(Node *t, double weight) noexcept nogil:
    """The one into whose share `weight` falls when all lie side by side in order; the last one beyond the end."""
    cdef double low
    cdef Node *found = t
    while t != NULL:
        found = t
        low = t.left.total if t.left != NULL else 0.0
        if weight < low:
            t = t.left
        elif weight < low + t.weight:
            return t
        else:
            weight -= low + t.weight
            t = t.right
    return found
